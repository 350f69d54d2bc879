-- SPDX-License-Identifier: MIT
-- The fence before a publish: which of these runs may make their output visible?
-- The worker_id is part of the fence: after a fail-over to a server that missed
-- the last claims a run_id may have been given out twice.
-- $1 worker_id uuid, $2 run_ids bigint[]; the runs that may are returned.
select r.run_id
from unnest($2::bigint[]) as asked(run_id)
join reportd.report_run r on r.run_id = asked.run_id
join reportd.report_config c on c.config_id = r.config_id
where r.worker_id = $1 and c.run_id = r.run_id and c.status = 'PROCESSING'
	and not c.cancel_requested
