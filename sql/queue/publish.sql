-- SPDX-License-Identifier: MIT
-- Returns the runs among these that may make their output visible: the fence before a
-- publish. The worker_id is part of the fence, because after a fail-over to a server
-- that missed the last claims a run_id may have been given out twice. It only reads: runs
-- about whom something is to be written first have publish_horizon.sql.
-- $1 worker_id uuid, $2 run_ids bigint[]. A row for each such run: run_id.
select r.run_id
from reportd.report_run r
where r.run_id = any ($2::bigint[]) and r.worker_id = $1
	and (select c.status = 'PROCESSING' and not c.cancel_requested
		from reportd.report_config c
		where c.config_id = r.config_id and c.run_id = r.run_id)
