-- SPDX-License-Identifier: MIT
-- Sends the heartbeat and does everything else that depends on time: stores the progress of
-- the runs in hand, rescues jobs and notices whose daemon is gone, fires schedules.
-- Always one row.
-- $1 worker_id uuid
-- $2 runs in hand jsonb: [{"run_id", "stage", "row_count", "byte_count", "leftovers"}]
-- $3 misfire_grace in ms: a schedule that fires later than this has missed its time
-- $4 lease in ms, $5 workers int: a reload may have changed them
-- $6 attempts of a notice int, $7 notices in hand int
-- Owners take turns: each owner with due schedules has the same share of the 200 schedules
-- that fire in one call. A short range of the index report_config_fire is read for each
-- owner.
with beat as (
	update reportd.report_worker w
	set heartbeat_at = now(), workers = $5,
		lease = $4::bigint * interval '1 millisecond',
		-- The earlier of two times: the clock may have been set back.
		judges_from = least(now() + $4::bigint * interval '1 millisecond',
			case when w.heartbeat_at > now() - w.lease then w.judges_from end)
	where w.worker_id = $1
	returning w.worker_id
), hand as materialized (
	select h.run_id, h.stage, h.row_count, h.byte_count, h.leftovers
	from jsonb_to_recordset($2::jsonb) as h(run_id bigint, stage text,
		row_count bigint, byte_count bigint, leftovers jsonb)
), told as (
	-- News of its runs for the daemon: a run must stop, or a run is lost.
	select h.run_id, case when n.cancel then 'cancel' else 'lost' end as news
	from hand h cross join lateral (
		select (select c.cancel_requested
			from reportd.report_run r
			join reportd.report_config c on c.config_id = r.config_id
			where r.run_id = h.run_id and r.worker_id = $1
				and c.run_id = r.run_id and c.status = 'PROCESSING') as cancel) n
	where n.cancel is not false
), progress as (
	update reportd.report_run r
	set stage = h.stage, row_count = h.row_count, byte_count = h.byte_count,
		leftovers = h.leftovers
	from hand h
	-- An owner's open transaction may have locked a run, which must not delay the
	-- heartbeat.
	where r.run_id = any (array(
			select u.run_id from reportd.report_run u
			where u.run_id = any (array(select k.run_id from hand k))
			for update skip locked))
		and r.run_id = h.run_id and r.worker_id = $1
		and h.run_id not in (select t.run_id from told t where t.news = 'lost')
		and r.status = 'PROCESSING'
		and (r.stage, r.row_count, r.byte_count, r.leftovers)
			is distinct from (h.stage, h.row_count, h.byte_count, h.leftovers)
), taken as (
	-- A run whose report was ended or set back by hand: no other statement ends it.
	update reportd.report_run r
	set status = 'LOST', finished_at = now(), error_stage = r.stage,
		error_message = 'the report was taken from it'
	where r.run_id = any (array(
			select u.run_id from reportd.report_run u
			where u.run_id = any (array(
				select t.run_id from told t where t.news = 'lost'))
			for update skip locked))
		and r.worker_id = $1 and r.status = 'PROCESSING'
), dead as (
	-- Deleting locks the row and checks it again, so a heartbeat at this moment wins.
	delete from reportd.report_worker w
	where w.worker_id in (
		select d.worker_id from reportd.report_worker d
		-- A heartbeat in the future was written before the clock was set back.
		where (d.heartbeat_at < now() - d.lease or d.heartbeat_at > now() + d.lease)
			and d.worker_id <> $1
			-- If this daemon, too, had no contact for its lease (its row is read as
			-- it was before this tick), the server was the cause. The other daemons
			-- then get one lease to connect again.
			and exists (select from reportd.report_worker m
				where m.worker_id = $1 and m.heartbeat_at > now() - m.lease
					and m.judges_from <= now())
		for update skip locked)
	returning w.worker_id
), stray as (
	-- Jobs of dead daemons, and jobs of this daemon that it does not know: their claim
	-- was executed after the daemon had given its connection up.
	select c.config_id, c.run_id, c.attempt, c.max_retries, c.cancel_requested,
		r.worker_id = $1 as ours,
		case when r.worker_id = $1 then 'claimed, but the daemon never heard of it'
			else 'the daemon that ran it was lost' end as why
	from reportd.report_config c
	cross join lateral ( -- offset 0: looks each row up by its key, without a join
		select u.worker_id, u.started_at from reportd.report_run u
		where u.run_id = c.run_id offset 0) r
	where c.status = 'PROCESSING'
		and (r.worker_id in (select d.worker_id from dead d)
			or not exists (select from reportd.report_worker w
				where w.worker_id = r.worker_id)
			or r.worker_id = $1
				and not exists (select from hand h where h.run_id = c.run_id)
				and r.started_at < now() - (select m.lease
					from reportd.report_worker m where m.worker_id = $1))
	for update of c skip locked
), rescued as (
	update reportd.report_config c
	set status = case when s.cancel_requested then 'CANCELLED'
			when s.attempt > s.max_retries and not s.ours then 'FAILED'
			else 'PENDING' end,
		attempt = c.attempt - s.ours::int,
		current_retries = greatest(c.current_retries - s.ours::int, 0),
		-- Without back-off, because the lease has already kept the attempts apart.
		due_at = now(), error_message = s.why, error_timestamp = now(),
		updated_timestamp = now(), last_run_time = now()
	from stray s
	where c.config_id = any (array(select k.config_id from stray k))
		and c.config_id = s.config_id and c.run_id = s.run_id and c.status = 'PROCESSING'
	returning c.config_id, c.run_id, c.status, s.ours, s.why, c.notify_on_failure,
		c.request_id, c.request_kept, c.owner
), buried as (
	update reportd.report_run r
	set status = case when s.ours then 'RELEASED' else 'LOST' end,
		finished_at = now(), error_stage = r.stage, error_message = s.why,
		gave_up = case s.status when 'FAILED' then true end
	from rescued s
	where r.run_id = any (array(select k.run_id from rescued k))
		and r.run_id = s.run_id
), request_ended as materialized (
	-- The next request of the report is taken up by a later tick, see `following`.
	select n.request_id from rescued s
	join reportd.report_config c on c.config_id = s.config_id
	cross join lateral reportd.end_request(c, s.status, s.run_id, s.why, false) n
	where s.request_kept and s.status <> 'PENDING'
), told_ends as (
	select reportd.notify_done(s.config_id, s.request_id, s.run_id, s.status)
	from rescued s
	where s.status <> 'PENDING'
), notices as (
	select reportd.write_notices(s.run_id, s.config_id, s.owner, s.status,
			s.notify_on_failure) as count
	from rescued s
	where s.status = 'FAILED' and s.notify_on_failure is not null
), undelivered as (
	-- The notice may have reached its receiver or not, so it is sent again.
	update reportd.report_notification n
	set state = case when n.attempts < $6::int then 'PENDING' else 'FAILED' end,
		worker_id = null, due_at = now(),
		last_error = 'the daemon that was sending it was lost'
	where n.notification_id = any (array(
			select k.notification_id from reportd.report_notification k
			where k.state = 'SENDING'
				and (k.worker_id in (select d.worker_id from dead d)
					or not exists (select from reportd.report_worker w
						where w.worker_id = k.worker_id))
			for update skip locked))
		and n.state = 'SENDING'
	returning n.state
), next_notice as (
	select min(t.at) as at from (
		(select n.due_at as at from reportd.report_notification n
		 where n.state = 'PENDING'
		 order by n.due_at limit 1)
		union all
		select now() from undelivered u where u.state = 'PENDING'
		union all
		select now() from notices n where n.count > 0
		union all
		-- Notices of this daemon that it does not know: the answer to their claim was
		-- lost.
		select now() where (select count(*) from reportd.report_notification n
			where n.state = 'SENDING' and n.worker_id = $1) > $7::int
	) t
), turn as materialized (
	select t.owner, t.room from reportd.schedule_turns() t
), firing as materialized (
	-- Locks row by row in order, each by its key, as in claim.sql.
	select c.config_id, c.row
	from (
		select d.config_id
		from turn t cross join lateral (
			select s.config_id, s.next_run_time,
				row_number() over (order by s.owner, s.next_run_time) as place
			from reportd.schedule_at_rest s
			-- Written as a range, so that the planner picks no other index, whatever the
			-- statistics say.
			where (s.owner, s.next_run_time) >= (t.owner, '-infinity'::timestamptz)
				and (s.owner, s.next_run_time) <= (t.owner, now())
			order by s.owner, s.next_run_time
			limit least(case when t.room < 0 then 0 else t.room end,
				200 / (select count(*) from turn) + 10)) d
		order by d.place, d.next_run_time) k
	cross join lateral (
		select c.config_id, c as row from reportd.report_config c
		where c.config_id = k.config_id and c.is_active and c.next_run_time <= now()
			and (c.status || '' in ('COMPLETED', 'FAILED', 'CANCELLED')
				or c.status || '' = 'PENDING' and c.due_at = 'infinity')
		for update of c skip locked) c
	limit 200
), planned as materialized (
	select f.config_id, (f.row).next_run_time, (f.row).owner, f.row,
		p.scheduled_for, p.next_time, p.error,
		-- A report with run_after waits for other reports, one with inputs for its files;
		-- it stays at rest, and its request waits.
		p.scheduled_for is not null and (f.row).run_after is null
			and (f.row).inputs is null as takes,
		case when p.scheduled_for is not null
			then nextval('reportd.report_request_request_id_seq') end as request_id
	from firing f
	cross join lateral reportd.plan_fire((f.row).schedule_expression, (f.row).time_zone,
		(f.row).misfire_policy, (f.row).next_run_time,
		$3::bigint * interval '1 millisecond') p
), kept as materialized (
	-- Gives a row to the request of a report that was ADHOC before it had a schedule.
	select reportd.keep_request(p.row) from planned p
	where p.takes and (p.row).request_id is not null and not (p.row).request_kept
), fired as (
	-- Compare-and-set: a second scheduler finds that next_run_time has changed.
	update reportd.report_config c
	set status = case when p.takes then 'PENDING' else c.status end,
		due_at = case when p.takes then p.scheduled_for else c.due_at end,
		scheduled_for = case when p.takes then p.scheduled_for else c.scheduled_for end,
		request_id = case when p.takes then p.request_id else c.request_id end,
		request_kept = c.request_kept or p.takes,
		next_run_time = p.next_time,
		run_parameters = case when not p.takes then c.run_parameters end,
		error_message = coalesce(p.error, c.error_message),
		error_timestamp = case when p.error is null then c.error_timestamp
			else now() end,
		updated_timestamp = now()
	from planned p
	where c.config_id = any (array(select a.config_id from planned a))
		and c.config_id = p.config_id and c.next_run_time = p.next_run_time
	returning c.config_id, case when p.takes then c.due_at end as due_at,
		c.next_run_time, c.owner, p.request_id, p.scheduled_for, p.takes,
		now() + coalesce(c.wait_timeout, interval '24 hours') as deadline
), requested as (
	insert into reportd.report_request (request_id, config_id, owner, reason,
		requested_by, scheduled_for, state, deadline)
	select f.request_id, f.config_id, f.owner, 'schedule', 'reportd', f.scheduled_for,
		case when f.takes then 'ACTIVE' else 'WAITING' end,
		case when not f.takes then f.deadline end
	from fired f where f.request_id is not null
), looks as (
	insert into reportd.report_look (config_id, owner)
	select f.config_id, f.owner from fired f where f.request_id is not null and not f.takes
), following as materialized (
	-- Takes up waiting requests of reports at rest: the request before them was ended by
	-- another statement than finish.sql, or a schedule went first. Owners take turns, and
	-- reports that somebody has locked take up no place.
	select l.config_id, reportd.follow(l.config_id) as taken
	from (
		select r.config_id, row_number() over (partition by r.owner order by r.config_id) as place
		from reportd.report_config r
		where r.requests_wait and r.status in ('COMPLETED', 'FAILED', 'CANCELLED')
		order by place, r.config_id) k
	cross join lateral (
		select c.config_id from reportd.report_config c
		where c.config_id = k.config_id and c.requests_wait
			and c.config_id <> all (array(select f.config_id from fired f))
			and not exists (select from rescued s where s.config_id = c.config_id)
		for update of c skip locked) l
	limit 100
), astray as materialized (
	-- A report that is due for a source that no daemon ever had fails by itself.
	select reportd.end_unclaimed($1, c.config_id,
		format('no daemon has a source "%s"; add [source.%s] to the settings of a daemon, or change the report''s source',
			c.source, c.source)) as ended
	from (select k.* from reportd.pending_class k
		where not exists (select from reportd.report_source s where s.source = k.source)) u
	cross join lateral (
		select c.config_id, c.source from reportd.report_config c
		where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
			and c.owner = u.owner and c.source = u.source and c.priority = u.priority
			and c.trigger_type = u.trigger_type and c.due_at <= now()
		limit 20 for update skip locked) c
), next as (
	select min(t.at) as at from (
		select d.due_at as at
		from (select k.*, row_number() over () as n from reportd.pending_class k) k
		cross join lateral (
			-- More classes than this looks at: something may be due in the others.
			select case when k.n = 256 then now() else c.due_at end as due_at
			from reportd.report_config c
			where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
				and c.owner = k.owner and c.source = k.source
				and c.priority = k.priority and c.trigger_type = k.trigger_type
			order by c.due_at limit 1) d
		union all
		select least(f.due_at, f.next_run_time) from fired f
		union all
		select now() + interval '1 second' from turn t where t.room = -1
		union all
		(select c.next_run_time from reportd.report_config c
		 where c.trigger_type = 'SCHEDULED' and c.is_active
			and c.next_run_time > now()
		 order by c.next_run_time limit 1)
		union all
		-- The end of another daemon's lease; it is at least half a lease away while that
		-- daemon lives.
		(select min(d.heartbeat_at + d.lease) from reportd.report_worker d
		 where d.worker_id <> $1 and d.heartbeat_at >= now() - d.lease)
		union all
		select now() from rescued s where s.status = 'PENDING'
		union all
		select now() from following f where f.taken
		union all
		(select q.deadline from reportd.report_request q
		 where q.state = 'WAITING' and q.deadline > now()
		 order by q.deadline limit 1)
		union all
		(select l.look_at from reportd.report_look l where l.look_at > now()
		 order by l.look_at limit 1)
		union all
		(select z.list_at from reportd.report_zone z
		 where z.list_at > now() and z.list_at < 'infinity'
		 order by z.list_at limit 1)
		union all
		(select i.move_at from reportd.report_input i where i.move_at > now()
		 order by i.move_at limit 1)
	) t
), zone as (
	-- The last column says whether this daemon may list something now.
	-- The zones that can be due at all are looked for first, as the function costs more.
	select (exists (select from reportd.report_zone z where z.list_at <= now())
			or exists (select from reportd.report_zone z where z.listing_by is not null))
		and exists (select from reportd.due_zones($1)) as due
)
select exists (select from beat) as alive,
	(select jsonb_agg(jsonb_build_object('run_id', t.run_id, 'news', t.news))
	 from told t) as news,
	(select count(*) from rescued) as rescued,
	-- How many reports have ended FAILED here.
	(select count(*) from rescued r where r.status = 'FAILED')
		+ (select count(*) from astray) as failed,
	(select count(*) from fired) as fired,
	-- The server executes notify_done, end_request, end_unclaimed and keep_request only
	-- because this column counts their rows: without it they are not called.
	(select count(*) from told_ends) + (select count(r.request_id) from request_ended r) + (select count(*) from astray a where a.ended is null)
		+ (select count(*) from kept k) as told,
	-- Milliseconds until a report can be claimed or a schedule fires; null: none is known.
	(select greatest(ceil(extract(epoch from n.at - now()) * 1000), 0)::bigint
	 from next n where n.at < 'infinity') as next_ms,
	-- Milliseconds until a notice is due; null: none is known.
	(select greatest(ceil(extract(epoch from n.at - now()) * 1000), 0)::bigint
	 from next_notice n where n.at < 'infinity') as notice_ms,
	-- The leftovers of killed runs in other systems, of at most 20 runs; null: none.
	(select jsonb_agg(jsonb_build_object('run_id', l.run_id, 'leftovers', l.leftovers))
	 from (select r.run_id, r.leftovers from reportd.report_run r
		where r.leftovers is not null and r.status <> 'PROCESSING'
			-- An upload without an ID is found by its key. While the report runs, the
			-- upload with this key may be that of its next attempt, which has no part
			-- yet.
			and not (exists (select from jsonb_array_elements(r.leftovers) u
					where u ? 'place' and u ->> 'id' is null)
				and exists (select from reportd.report_config c
					where c.config_id = r.config_id and c.status = 'PROCESSING'))
		order by random() limit 20) l) as leftovers,
	-- Says whether claims must observe quotas.
	exists (select from reportd.report_quota q where q.max_running is not null) as quotas,
	-- Says whether more schedules may be due than fire in one call.
	(select count(*) from firing) = 200 as more,
	-- Says whether steps.sql has something to do.
	exists (select from fired f where f.request_id is not null and not f.takes)
		or exists (select from reportd.report_request q where q.opens)
		or exists (select from reportd.report_look l where l.look_at <= now())
		or exists (select from reportd.report_request q
			where q.state = 'WAITING' and q.deadline <= now()) as steps,
	-- Says whether a zone of files is to be listed, and whether files are to be moved.
	(select z.due from zone z) as listings,
	(exists (select from reportd.report_input i where i.move_at <= now())
			or exists (select from reportd.report_input i where i.move_by is not null))
		and exists (select from reportd.due_moves($1)) as moves
