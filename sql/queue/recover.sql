-- SPDX-License-Identifier: MIT
-- Gives back, after a reconnect, runs that were claimed for this daemon by a statement
-- whose answer was lost. They never started, so they do not count as an attempt.
-- $1 worker_id uuid, $2 run_ids in hand bigint[]. A row for each: config_id, run_id.
with lost as (
	update reportd.report_run r
	set status = 'RELEASED', finished_at = now(),
		error_message = 'claimed, but the answer never reached the daemon'
	where r.run_id in (
			select c.run_id from reportd.report_config c
			where c.status = 'PROCESSING'
			for update skip locked)
		and r.worker_id = $1 and r.status = 'PROCESSING'
		and r.run_id <> all ($2::bigint[])
	returning r.run_id, r.config_id
)
update reportd.report_config c
set status = 'PENDING', attempt = c.attempt - 1,
	current_retries = greatest(c.current_retries - 1, 0), due_at = now()
from lost l
where c.config_id = l.config_id and c.run_id = l.run_id and c.status = 'PROCESSING'
returning c.config_id, l.run_id
