-- SPDX-License-Identifier: MIT
-- The fence before a publish: which of these runs may make their output visible?
-- $1 run_ids bigint[]; the runs that may are returned.
select c.run_id
from reportd.report_config c
where c.run_id = any ($1::bigint[]) and c.status = 'PROCESSING'
	and not c.cancel_requested
