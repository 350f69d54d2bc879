-- SPDX-License-Identifier: MIT
-- The parts of a tick that only some ticks need, see sql/queue/tick.sql. A daemon's session plans
-- each of them when a tick needs it first: a new daemon is not kept from its claims meanwhile.

-- Stores the progress of the runs in hand, [{"run_id", "stage", "row_count", "byte_count",
-- "leftovers"}], and returns the daemon's news of them, [{"run_id", "news"}]: 'cancel', the run
-- must stop; 'lost', it is no longer the daemon's.
create function reportd.tell_progress(worker_id uuid, hand jsonb) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	news jsonb;
begin
	with hand as materialized (
		select h.run_id, h.stage, h.row_count, h.byte_count, h.leftovers
		from jsonb_to_recordset($2) as h(run_id bigint, stage text,
			row_count bigint, byte_count bigint, leftovers jsonb)
	), told as (
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
	)
	select jsonb_agg(jsonb_build_object('run_id', t.run_id, 'news', t.news)) into news
	from told t;
	if news is not null then
		-- A run whose report was ended or set back by hand: no other statement ends it.
		perform reportd.lose_run(k.run_id) from (
			select u.run_id from reportd.report_run u
			where u.worker_id = $1 and u.run_id in (
				select (n ->> 'run_id')::bigint from jsonb_array_elements(news) n
				where n ->> 'news' = 'lost')
			for update skip locked) k;
	end if;
	return news;
end $$;

-- Rescues jobs and notices whose daemon is gone. lease, judges: the daemon's lease before this
-- tick, and whether it may judge those of others; attempts: those of a notice. Returns how many
-- jobs it has rescued and how many of them have FAILED; their reports; whether one of them is
-- due, and whether a notice is.
create function reportd.rescue(worker_id uuid, hand jsonb, lease interval, judges boolean,
	attempts int, out rescued bigint, out failed bigint, out config_ids bigint[],
	out due boolean, out notices boolean)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	told bigint;
begin
	with hand as materialized (
		select h.run_id from jsonb_to_recordset($2) as h(run_id bigint)
	), dead as (
		-- Deleting locks the row and checks it again, so a heartbeat at this moment wins.
		delete from reportd.report_worker w
		where w.worker_id in (
			select d.worker_id from reportd.report_worker d
			-- A heartbeat in the future was written before the clock was set back.
			where (d.heartbeat_at < now() - d.lease or d.heartbeat_at > now() + d.lease)
				and d.worker_id <> $1 and $4
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
					and r.started_at < now() - $3)
		for update of c skip locked
	), saved as (
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
		from saved s
		where r.run_id = any (array(select k.run_id from saved k))
			and r.run_id = s.run_id
	), request_ended as materialized (
		-- The next request of the report is taken up by a later tick, see follow_at_rest().
		select n.request_id from saved s
		join reportd.report_config c on c.config_id = s.config_id
		cross join lateral reportd.end_request(c, s.status, s.run_id, s.why, false) n
		where s.request_kept and s.status <> 'PENDING'
	), told_ends as (
		select reportd.notify_done(s.config_id, s.request_id, s.run_id, s.status)
		from saved s
		where s.status <> 'PENDING'
	), written as (
		select reportd.write_notices(s.run_id, s.config_id, s.owner, s.status,
				s.notify_on_failure) as count
		from saved s
		where s.status = 'FAILED' and s.notify_on_failure is not null
	), undelivered as (
		-- The notice may have reached its receiver or not, so it is sent again.
		update reportd.report_notification n
		set state = case when n.attempts < $5 then 'PENDING' else 'FAILED' end,
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
	)
	select count(*), count(*) filter (where s.status = 'FAILED'),
		array_agg(s.config_id), coalesce(bool_or(s.status = 'PENDING'), false),
		exists (select from undelivered u where u.state = 'PENDING')
			or exists (select from written w where w.count > 0),
		-- The server executes notify_done and end_request only because their rows are
		-- counted: otherwise they are not called.
		(select count(*) from told_ends) + (select count(r.request_id) from request_ended r)
	into rescued, failed, config_ids, due, notices, told
	from saved s;
end $$;

-- Fires schedules that are due; grace: a schedule that fires later than this has missed its time.
-- Owners take turns: each owner with due schedules has the same share of the 200 schedules that
-- fire in one call. A short range of the index report_config_fire is read for each owner.
-- Returns when the next of these reports is due, or a schedule fires next, or, where another
-- session holds an owner's turn, a second from now; whether more schedules may be due than fire
-- in one call; whether steps.sql has something to do; the reports.
create function reportd.fire_schedules(grace interval, out next_at timestamptz, out more boolean,
	out waits boolean, out config_ids bigint[])
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	told bigint;
begin
	with turn as materialized (
		select t.owner, t.room from reportd.schedule_turns() t
	), firing as materialized (
		-- Locks row by row in order, each by its key, as in claim.sql.
		select c.config_id, c.row
		from (
			select d.config_id
			from turn t cross join lateral (
				select s.config_id, s.next_run_time,
					row_number() over (order by s.owner, s.next_run_time
						rows unbounded preceding) as place
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
			$1) p
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
	)
	select least(min(least(f.due_at, f.next_run_time)),
			(select now() + interval '1 second' from turn t where t.room = -1 limit 1),
			(select c.next_run_time from reportd.report_config c
			 where c.trigger_type = 'SCHEDULED' and c.is_active and c.next_run_time > now()
			 order by c.next_run_time limit 1)),
		(select count(*) from firing) = 200,
		coalesce(bool_or(f.request_id is not null and not f.takes), false),
		array_agg(f.config_id),
		-- The server executes keep_request only because its rows are counted.
		(select count(*) from kept)
	into next_at, more, waits, config_ids, told
	from fired f;
end $$;

-- Takes up waiting requests of reports at rest: the request before them was ended by another
-- statement than finish.sql, or a schedule went first. Owners take turns, and reports that
-- somebody has locked take up no place. busy: reports that this tick has changed already.
-- Returns whether a request was taken up.
create function reportd.follow_at_rest(busy bigint[]) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	return (select coalesce(bool_or(f.taken), false) from (
		select reportd.follow(l.config_id) as taken
		from (
			select r.config_id, row_number() over (partition by r.owner order by r.config_id) as place
			from reportd.report_config r
			where r.requests_wait and r.status in ('COMPLETED', 'FAILED', 'CANCELLED')
			order by place, r.config_id) k
		cross join lateral (
			select c.config_id from reportd.report_config c
			where c.config_id = k.config_id and c.requests_wait and c.config_id <> all ($1)
			for update of c skip locked) l
		limit 100) f);
end $$;

-- Ends reports that are due for a source that no daemon ever had: each fails by itself. Returns
-- how many have ended.
create function reportd.end_sourceless(worker_id uuid) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	one record;
	ended bigint := 0;
begin
	for one in
		select c.config_id, c.source
		from (select k.* from reportd.pending_class k
			where not exists (select from reportd.report_source s where s.source = k.source)) u
		cross join lateral (
			select c.config_id, c.source from reportd.report_config c
			where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
				and c.owner = u.owner and c.source = u.source and c.priority = u.priority
				and c.trigger_type = u.trigger_type and c.due_at <= now()
			limit 20 for update skip locked) c
	loop
		perform reportd.end_unclaimed($1, one.config_id,
			format('no daemon has a source "%s"; add [source.%s] to the settings of a daemon, or change the report''s source',
				one.source, one.source));
		ended := ended + 1;
	end loop;
	return ended;
end $$;

-- Returns the leftovers of killed runs in other systems, of at most 20 runs; null: none.
create function reportd.leftovers() returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return (select jsonb_agg(jsonb_build_object('run_id', l.run_id, 'leftovers', l.leftovers))
	 from (select r.run_id, r.leftovers from reportd.report_run r
		where r.leftovers is not null and r.status <> 'PROCESSING'
			-- An upload without an ID is found by its key. While the report runs, the
			-- upload with this key may be that of its next attempt, which has no part
			-- yet.
			and not (exists (select from jsonb_array_elements(r.leftovers) u
					where u ? 'place' and u ->> 'id' is null)
				and exists (select from reportd.report_config c
					where c.config_id = r.config_id and c.status = 'PROCESSING'))
		order by random() limit 20) l);
end $$;

-- What reports that wait for others, and files, need now: whether steps.sql has something to do,
-- whether this daemon may list a zone, whether it may move files; and when the next of these is
-- due.
create function reportd.pipelines_due(worker_id uuid, out steps boolean, out listings boolean,
	out moves boolean, out next_at timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	steps := exists (select from reportd.report_request q where q.opens)
		or exists (select from reportd.report_look l where l.look_at <= now())
		or exists (select from reportd.report_request q
			where q.state = 'WAITING' and q.deadline <= now());
	-- What can be due at all is looked for first, as the functions cost more.
	listings := (exists (select from reportd.report_zone z where z.list_at <= now())
			or exists (select from reportd.report_zone z where z.listing_by is not null))
		and exists (select from reportd.due_zones($1));
	moves := (exists (select from reportd.report_input i where i.move_at <= now())
			or exists (select from reportd.report_input i where i.move_by is not null))
		and exists (select from reportd.due_moves($1));
	next_at := least(
		(select q.deadline from reportd.report_request q
		 where q.state = 'WAITING' and q.deadline > now() order by q.deadline limit 1),
		(select l.look_at from reportd.report_look l
		 where l.look_at > now() order by l.look_at limit 1),
		(select z.list_at from reportd.report_zone z
		 where z.list_at > now() and z.list_at < 'infinity' order by z.list_at limit 1),
		(select i.move_at from reportd.report_input i
		 where i.move_at > now() order by i.move_at limit 1));
end $$;
