-- SPDX-License-Identifier: MIT
-- Claims up to $2 due notices for the daemon: owners take turns, the lanes of an owner
-- take turns, and the oldest notice of each lane comes first. A lane is a receiver; at
-- most $6 notices of a lane are in hand. The statement also returns notices that the
-- daemon has claimed but does not know, because the answer to their claim was lost.
-- $1 worker_id uuid, $2 wanted int, $3 notification_ids in hand bigint[], $4 lanes
-- bigint[], $5 how many notices of each are in hand int[], $6 limit of a lane int
-- Returns a row for each notice: notification_id, attempt, notice (JSON object), lane,
-- owner (oid).
with recursive me as materialized (
	-- A daemon that has lost its lease, and does not know it yet, claims nothing.
	select w.worker_id from reportd.report_worker w
	where w.worker_id = $1
	for key share
), start as materialized (
	-- A random lane, and an owner in it, so that all get their turn even when there
	-- are more lanes than one claim looks at.
	select l.lane, (select k.owner::oid::bigint from reportd.report_notification k
			where k.state = 'PENDING' and k.lane = l.lane
			order by k.lane, k.owner limit 1) as least,
		(select k.owner::oid::bigint from reportd.report_notification k
			where k.state = 'PENDING' and k.lane = l.lane
			order by k.lane desc, k.owner desc limit 1) as most
	from (select ((random() - 0.5) * 1.8e19)::bigint as lane) r
	cross join lateral (select coalesce(
		(select k.lane from reportd.report_notification k
		 where k.state = 'PENDING' and k.lane > r.lane
		 order by k.lane limit 1),
		(select k.lane from reportd.report_notification k
		 where k.state = 'PENDING'
		 order by k.lane limit 1)) as lane) l
), walk as (
	-- Steps from lane to lane and from owner to owner by the index
	-- report_notification_turn, at the same cost whatever their backlogs are.
	select s.lane, (s.least - 1 + floor(random() * (s.most - s.least + 1)))::bigint::oid
			as owner, null::bigint as first_lane, null::oid as first_owner, 0 as step
	from start s
	union all
	select n.lane, n.owner, coalesce(w.first_lane, n.lane),
		coalesce(w.first_owner, n.owner), w.step + 1
	from walk w
	cross join lateral (
		(select k.lane, k.owner::oid as owner, 1 as round from reportd.report_notification k
		 where k.state = 'PENDING' and (k.lane, k.owner) > (w.lane, w.owner)
		 order by k.lane, k.owner limit 1)
		union all
		(select k.lane, k.owner::oid, 2 from reportd.report_notification k
		 where k.state = 'PENDING'
		 order by k.lane, k.owner limit 1)
		limit 1) n
	where w.step < 256
		and (n.lane, n.owner) is distinct from (w.first_lane, w.first_owner)
), candidate as materialized (
	-- The owners in a lane take turns for its places. Then all owners take turns, each
	-- with its lane of which the fewest notices are in hand, so that many lanes are no
	-- advantage.
	select k.notification_id, k.due_at, row_number() over (partition by k.owner
		order by k.lane_place + k.in_hand, k.due_at) as turn
	from (
		select d.*, w.lane, i.in_hand, row_number() over (partition by w.lane
			order by d.place, d.due_at, d.notification_id) as lane_place
		from walk w
		cross join lateral (
			select coalesce(max(h.held), 0) as in_hand
			from unnest($4::bigint[], $5::int[]) as h(lane, held)
			where h.lane = w.lane) i
		cross join lateral (
			select k.notification_id, k.owner, k.due_at,
				row_number() over (order by k.lane, k.owner, k.due_at
					rows unbounded preceding) as place
			from reportd.report_notification k
			-- Written as a range, so that the planner picks no other index, whatever the
			-- statistics say.
			where k.state = 'PENDING'
				and (k.lane, k.owner, k.due_at) >= (w.lane, w.owner, '-infinity'::timestamptz)
				and (k.lane, k.owner, k.due_at) <= (w.lane, w.owner, now())
			order by k.lane, k.owner, k.due_at
			limit greatest($6::int - i.in_hand, 0)) d
		where w.step > 0 and exists (select from me)) k
	where k.lane_place + k.in_hand <= $6::int
), due as materialized (
	-- Locks row by row in order, each by its key, so that only claimed rows are locked.
	select n.notification_id, 1 as counts
	from (select c.notification_id from candidate c
		order by c.turn, c.due_at, c.notification_id) c
	cross join lateral (
		select k.notification_id from reportd.report_notification k
		where k.notification_id = c.notification_id and k.state || '' = 'PENDING'
			and k.due_at <= now()
		for update skip locked) n
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
), told as materialized (
	-- The notices of a run tell the same of it.
	select o.run_id, o.config_id, r.report_name, c.report_type, c.output_format,
		coalesce(c.time_zone, 'UTC') as time_zone,
		to_char(reportd.local_time(r.scheduled_for, coalesce(c.time_zone, 'UTC')),
			'YYYY-MM-DD"T"HH24:MI:SS') as scheduled_for,
		to_char(r.scheduled_for at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
			as scheduled_at,
		case when c.next_run_time is not null then to_char(
			reportd.local_time(c.next_run_time, c.time_zone), 'YYYY-MM-DD"T"HH24:MI:SS') end
			as next_run,
		json_build_object(
			'attempt', r.attempt,
			'started_at', to_char(r.started_at at time zone 'UTC',
				'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'finished_at', to_char(r.finished_at at time zone 'UTC',
				'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'row_count', r.row_count,
			'byte_count', r.byte_count,
			'output_url', r.output_url,
			'sha256', r.sha256,
			-- A run may have thousands of outputs; a notice names the first 100.
			'outputs', jsonb_path_query_array(r.outputs, '$[0 to 99]'),
			'output_count', coalesce(jsonb_array_length(r.outputs),
				(r.output_url is not null)::int),
			-- The files that the run took: those that its inputs list with "use": "new".
			'inputs', (select json_agg(json_build_object('input', i.input, 'url', i.url))
				from (select f.input, f.url from reportd.report_input f
					where f.request_id = r.request_id order by f.file_id limit 100) i),
			'input_count', (select count(*) from reportd.report_input f
				where f.request_id = r.request_id),
			'parameters', r.parameters,
			'remark', r.remark,
			'score', r.score,
			-- Without samples: rows of the data leave the queue in outputs only.
			'checks', case when r.score is not null then (
				select json_agg(json_build_object('name', k.name, 'severity', k.severity,
					'status', k.status, 'failures', k.failures, 'total', k.total,
					'message', left(k.message, 200)) order by k.position)
				from reportd.report_check k where k.run_id = r.run_id) end,
			'error_stage', r.error_stage,
			'error_sqlstate', r.error_sqlstate,
			'error_message', r.error_message) as run
	from (select distinct t.run_id, t.config_id from taken t) o
	left join reportd.report_run r on r.run_id = o.run_id
	left join reportd.report_config c on c.config_id = o.config_id
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
	'report_name', o.report_name,
	'report_type', o.report_type,
	'time_zone', o.time_zone,
	'output_format', o.output_format,
	'scheduled_for', o.scheduled_for,
	'scheduled_at', o.scheduled_at,
	'next_run', o.next_run,
	'run', o.run)::text as notice,
	t.lane, t.owner::oid::bigint as owner
from taken t
join told o on o.run_id = t.run_id and o.config_id = t.config_id
order by t.due_at, t.notification_id
