-- SPDX-License-Identifier: MIT
-- Claims up to $2 due notices for the daemon, the oldest of each lane first, and so
-- many of a lane that $5 of it are in hand at most; and takes up those of its own
-- that it knows nothing of: the answer to their claim was lost.
-- $1 worker_id uuid, $2 wanted int, $3 notification_ids in hand bigint[], $4 the
-- lane of each that waits to be delivered bigint[], $5 most of a lane int
-- Returns a row a notice: notification_id, attempt, notice (JSON object), lane,
-- owner (oid; 0: none).
with recursive me as materialized (
	-- One that lost its lease and has not heard of it yet takes nothing.
	select w.worker_id from reportd.report_worker w
	where w.worker_id = $1
	for key share
), walk as (
	-- From lane to lane by the index, whatever the backlog of each; from anywhere,
	-- so that all get their turn where there are more than one claim looks at.
	select ((random() - 0.5) * 1.8e19)::bigint as lane, null::bigint as first, 0 as step
	union all
	select n.lane, coalesce(w.first, n.lane), w.step + 1
	from walk w
	cross join lateral (
		select coalesce(
			(select k.lane from reportd.report_notification k
			 where k.state = 'PENDING' and k.lane > w.lane
			 order by k.lane limit 1),
			(select k.lane from reportd.report_notification k
			 where k.state = 'PENDING'
			 order by k.lane limit 1)) as lane) n
	where w.step < 256 and n.lane is distinct from w.first
), due as materialized (
	select n.notification_id, 1 as counts
	from walk w
	cross join lateral (
		select k.notification_id, k.due_at from reportd.report_notification k
		where k.state = 'PENDING' and k.lane = w.lane and k.due_at <= now()
		order by k.due_at
		limit greatest($5::int - (select count(*) from unnest($4::bigint[]) h
			where h = w.lane), 0)
		for update skip locked) n
	where w.step > 0 and exists (select from me)
	order by row_number() over (partition by w.lane order by n.due_at), n.due_at
	limit $2::int
), unheard as materialized (
	select n.notification_id, 0 as counts
	from reportd.report_notification n
	where n.state = 'SENDING' and n.worker_id = (select m.worker_id from me m)
		and n.notification_id <> all ($3::bigint[])
	limit $2::int
	for update skip locked
), picked as materialized (
	select d.notification_id, d.counts from due d
	union all
	select u.notification_id, u.counts from unheard u
), taken as (
	update reportd.report_notification n
	set state = 'SENDING', worker_id = $1, attempts = n.attempts + c.counts
	from picked c
	where n.notification_id = any (array(select k.notification_id from picked k))
		and n.notification_id = c.notification_id
	returning n.*
)
select t.notification_id, t.attempts, json_build_object(
	'notification_id', t.notification_id,
	'run_id', t.run_id,
	'config_id', t.config_id,
	'attempt', t.attempts,
	'key', t.idempotency_key,
	'event', t.event,
	'channel', t.channel,
	'url', t.url,
	'recipient', t.recipient,
	'created', extract(epoch from t.created_at)::bigint,
	'report_name', r.report_name,
	'report_type', c.report_type,
	'time_zone', coalesce(c.time_zone, 'UTC'),
	'output_format', c.output_format,
	'scheduled_for', to_char(
		reportd.local_time(r.scheduled_for, coalesce(c.time_zone, 'UTC')),
		'YYYY-MM-DD"T"HH24:MI:SS'),
	'scheduled_at', to_char(r.scheduled_for at time zone 'UTC',
		'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	'next_run', to_char(
		reportd.local_time(c.next_run_time, c.time_zone),
		'YYYY-MM-DD"T"HH24:MI:SS'),
	'run', json_build_object(
		'attempt', r.attempt,
		'started_at', to_char(r.started_at at time zone 'UTC',
			'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'finished_at', to_char(r.finished_at at time zone 'UTC',
			'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'row_count', r.row_count,
		'byte_count', r.byte_count,
		'output_url', r.output_url,
		'sha256', r.sha256,
		-- A run may have thousands; a notice names some.
		'outputs', jsonb_path_query_array(r.outputs, '$[0 to 99]'),
		'output_count', coalesce(jsonb_array_length(r.outputs),
			(r.output_url is not null)::int),
		'parameters', r.parameters,
		'remark', r.remark,
		'error_stage', r.error_stage,
		'error_sqlstate', r.error_sqlstate,
		'error_message', r.error_message))::text as notice,
	t.lane, coalesce(t.owner::oid::bigint, 0) as owner
from taken t
left join reportd.report_run r on r.run_id = t.run_id
left join reportd.report_config c on c.config_id = t.config_id
order by t.due_at, t.notification_id
