-- SPDX-License-Identifier: MIT
-- Records, after a clean-up, what ended runs have left in other systems and is still there. A row that
-- another session has locked is left for the next clean-up.
-- $1 runs jsonb: [{"run_id", "leftovers"}]
update reportd.report_run r
set leftovers = nullif(s.leftovers, '[]')
from jsonb_to_recordset($1::jsonb) as s(run_id bigint, leftovers jsonb)
where r.run_id = any (array(
		select k.run_id from reportd.report_run k
		where k.run_id in (select j.run_id
			from jsonb_to_recordset($1::jsonb) as j(run_id bigint))
		for update skip locked))
	and r.run_id = s.run_id and r.status <> 'PROCESSING'
	and r.leftovers is distinct from nullif(s.leftovers, '[]')
