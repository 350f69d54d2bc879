-- SPDX-License-Identifier: MIT
-- Records the outcomes of deliveries. Only the attempt that holds a notice may write
-- to it (the fence). A row that another session has locked is left for the next call.
-- $1 worker_id uuid
-- $2 results jsonb: [{"notification_id", "attempt", "state", "error", "retry_ms"}];
--    state is SENT, FAILED (no further attempt can help), RETRY or RELEASED (given
--    back, not counted as an attempt); retry_ms: least wait in ms
-- $3 backoff in ms, $4 backoff_max in ms, $5 attempts int
-- Returns for each result: notification_id, outcome (the new state of the notice; 'lost':
-- the fence refused it; 'busy': the row is locked, to be tried again).
with result as materialized (
	select * from jsonb_to_recordset($2::jsonb) as r(notification_id bigint,
		attempt int, state text, error text, retry_ms bigint)
), fenced as materialized (
	select r.*, case when r.state = 'RELEASED' then 'PENDING'
			when r.state = 'RETRY' then
				case when r.attempt < $5::int then 'PENDING' else 'FAILED' end
			else r.state end as new_state
	from (select * from result order by result.notification_id) r
	cross join lateral (
		select from reportd.report_notification k
		where k.notification_id = r.notification_id and k.state = 'SENDING'
			and k.worker_id = $1 and k.attempts = r.attempt
		for update skip locked) n
), done as (
	update reportd.report_notification n
	set state = h.new_state, worker_id = null,
		attempts = n.attempts - (h.state = 'RELEASED')::int,
		due_at = case h.state
			when 'RETRY' then now() + greatest(
				least($3::bigint * 2 ^ least(h.attempt - 1, 20), $4::bigint)
					* (0.5 + random() / 2),
				least(h.retry_ms, 86400000)) * interval '1 millisecond'
			-- A notice that is given back without a wait keeps its place in its lane.
			when 'RELEASED' then case when h.retry_ms > 0
				then now() + h.retry_ms * interval '1 millisecond'
				else n.due_at end
			else now() end,
		last_error = case h.state when 'RELEASED'
			then coalesce(h.error, n.last_error) else h.error end,
		sent_at = case h.state when 'SENT' then now() end
	from fenced h
	where n.notification_id = any (array(select k.notification_id from fenced k))
		and n.notification_id = h.notification_id
	returning n.notification_id, n.state
)
select d.notification_id, d.state as outcome from done d
union all
select r.notification_id, case when exists (
		select from reportd.report_notification k
		where k.notification_id = r.notification_id and k.state = 'SENDING'
			and k.worker_id = $1 and k.attempts = r.attempt)
	then 'busy' else 'lost' end
from result r
where r.notification_id <> all (array(select d.notification_id from done d))
