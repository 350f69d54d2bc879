-- SPDX-License-Identifier: MIT
-- What is left of the uploads of runs that are over, after a clean-up.
-- $1 runs jsonb: [{"run_id", "uploads"}]
update reportd.report_run r
set uploads = nullif(s.uploads, '[]')
from jsonb_to_recordset($1::jsonb) as s(run_id bigint, uploads jsonb)
where r.run_id = s.run_id and r.status <> 'PROCESSING'
	and r.uploads is distinct from nullif(s.uploads, '[]')
