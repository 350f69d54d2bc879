-- SPDX-License-Identifier: MIT
-- How many daemons there should be, see docs/scaling.md.

-- The amount of work, and for how many daemons. ready: the due reports that quotas let run beside
-- the reports that run now. errands: whether anything else waits for a daemon; the search for files
-- and the reading of inboxes count once no daemon has done them for a quarter of an hour. An inbox
-- that was woken counts also while it may not be read yet: later, nobody might start a daemon for
-- it. An inbox that two daemons in a row have left out stands in no settings any more. me: counts
-- the reports that this daemon can run; null: all. at: the time; after a wait for a lock it is
-- later than now().
create function reportd.scale_state(me reportd.report_worker, at timestamptz,
	out due bigint, out ready bigint, out running bigint, out errands boolean,
	out oldest_due_s bigint, out daemons bigint)
language sql stable set search_path = pg_catalog, pg_temp as $$
	with busy as materialized (
		select c.owner, count(*) as n from reportd.report_config c
		where c.status = 'PROCESSING' group by c.owner
	), waiting as materialized (
		select c.owner, count(*) as n, min(c.due_at) as since,
			case when pg_has_role(c.owner, 'reportd_operator', 'USAGE') then null
				else (reportd.quota_of(c.owner)).max_running end as most
		from reportd.report_config c
		where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
			and c.due_at <= at and (me.worker_id is null or c.source = any (me.sources)
				and (c.target is null or c.target = any (me.targets))
				and (c.local_paths is null
					or reportd.reaches_all(me.folders, c.local_paths)))
		group by c.owner
	), firing as materialized (
		select count(*) as n, min(s.next_run_time) as since
		from reportd.schedule_at_rest s
		where s.next_run_time <= at
	)
	select f.n + coalesce(w.n, 0), f.n + coalesce(w.ready, 0),
		(select coalesce(sum(b.n), 0)::bigint from busy b),
		exists (select from reportd.report_request q where q.opens)
			or exists (select from reportd.report_request q
				where q.state = 'WAITING' and q.deadline <= at)
			or exists (select from reportd.report_look l where l.look_at <= at)
			or exists (select from reportd.report_notification n
				where n.state = 'PENDING' and n.due_at <= at)
			or exists (select from reportd.report_inbox b
				where b.began_at > at - greatest(interval '1 day', 2 * b.every)
					and (b.next_at < at - interval '15 minutes'
						or b.error is null and reportd.inbox_untold(b.inbox)))
			or exists (select from reportd.report_inbox b
				join reportd.report_inbox_wake w on w.inbox = b.inbox
				where w.woken_at > at - interval '1 day')
			or exists (select from reportd.report_input i
				where i.move_at <= at and i.url !~ '^/')
			or exists (select from reportd.report_zone z
				where z.list_at < at - interval '15 minutes' and z.path !~ '^/'
					and reportd.zone_wanted(z.zone_id)),
		coalesce(ceil(extract(epoch from at - least(w.since, f.since))), 0)::bigint,
		(select count(*) from reportd.report_worker k
		where k.heartbeat_at between at - k.lease and at + k.lease and not k.leaving)
	from firing f
	cross join (select sum(v.n)::bigint as n, min(v.since) as since,
			sum(case when v.most is null then v.n
				else least(v.n, greatest(v.most - coalesce(b.n, 0), 0)) end)::bigint as ready
		from waiting v left join busy b using (owner)) w
$$;

-- The decision. One number, made of the reports that are due and those that run, says both how many
-- daemons are started and whether one may end, so the two cannot undo each other. daemons:
-- registered, and not about to end. starting, working: tasks that do not run yet, and tasks that
-- run; young: tasks among the latter that may not have registered yet.
create function reportd.scale_decide(ready bigint, running bigint, errands boolean,
	daemons bigint, starting int, working int, young int, per_task int, most int,
	out wanted int, out present int, out missing int)
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select w.wanted, p.present, greatest(w.wanted - p.present, 0)
	from (select least(most, greatest((ready + running + per_task - 1) / per_task,
			errands::int))::int as wanted) w
	cross join (select (daemons + starting
			+ least(young, greatest(working - daemons, 0)))::int as present) p
$$;

-- Says whether one daemon may end: the other daemons suffice for the work, or there is no work.
create function reportd.scale_spare(ready bigint, running bigint, errands boolean,
	daemons bigint, per_task int, most int) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select d.wanted < daemons or d.wanted = 0
	from reportd.scale_decide(ready, running, errands, daemons, 0, 0, 0, per_task, most) d
$$;

-- Takes the turn to decide, for a minute; false: another process has it.
create function reportd.scale_take(holder uuid, per_task int, most int) returns boolean
language sql security definer set search_path = pg_catalog, pg_temp as $$
	with taken as (
		update reportd.scale_turn t
		set held_by = scale_take.holder, held_until = now() + interval '1 minute',
			per_task = scale_take.per_task, most = scale_take.most
		where t.held_until is null or t.held_until <= now()
		returning t.one
	)
	select exists (select from taken)
$$;

-- Decides for the holder of the turn (holder null: only looks). starting, working, young: counts of
-- tasks, see scale_decide(). token: makes the request for the missing tasks idempotent; it stays
-- the same until that request is known to have been answered.
create function reportd.scale_plan(holder uuid, starting int, working int, young int,
	per_task int, most int) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	turn reportd.scale_turn;
	s record;
	d record;
begin
	if holder is null then
		select * into turn from reportd.scale_turn;
	else
		-- A daemon that leaves at this moment has the row; what follows sees its end.
		select * into turn from reportd.scale_turn t for update;
		if turn.held_by is distinct from holder or turn.held_until <= now() then
			return null;
		end if;
	end if;
	select * into s from reportd.scale_state(null, clock_timestamp());
	select * into d from reportd.scale_decide(s.ready, s.running, s.errands, s.daemons,
		starting, working, young, per_task, most);
	return jsonb_build_object('due', s.due, 'running', s.running,
		'oldest_due_s', s.oldest_due_s, 'daemons', s.daemons, 'wanted', d.wanted,
		'missing', d.missing, 'token', format('reportd-%s-%s',
			(select q.queue_id from reportd.queue_identity q), turn.number));
end $$;

-- Gives the turn back; answered: the request for tasks had an answer, or none was needed.
create function reportd.scale_release(holder uuid, answered boolean) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
	update reportd.scale_turn t
	set held_by = null, held_until = null, number = t.number + answered::int
	where t.held_by = holder
$$;

-- Says whether a daemon that has nothing to do may end. Among the other daemons only those
-- count that are surely alive: they have sent a heartbeat since this daemon came, and within half
-- a lease. Elsewhere a daemon that was killed counts until its lease ends; here the daemon that
-- replaced it would leave the work to it.
create function reportd.scale_may_leave(worker_id uuid) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	turn reportd.scale_turn;
	s record;
	me reportd.report_worker;
	others bigint;
begin
	select * into turn from reportd.scale_turn;
	select * into me from reportd.report_worker w
	where w.worker_id = scale_may_leave.worker_id;
	select * into s from reportd.scale_state(me, clock_timestamp());
	select count(*) into others from reportd.report_worker w
	where w.worker_id <> me.worker_id and not w.leaving and w.heartbeat_at >= me.started_at
		and w.heartbeat_at between clock_timestamp() - w.lease / 2
			and clock_timestamp() + w.lease / 2;
	return reportd.scale_spare(s.ready, s.running, s.errands, 1 + others, turn.per_task,
		turn.most);
end $$;

-- The same, and from then on the daemon counts as gone. Work that is committed before this
-- function looks for it is seen here; work that comes later finds the daemon gone.
create function reportd.scale_leave(worker_id uuid) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform from reportd.scale_turn for update;
	if not reportd.scale_may_leave(worker_id) then
		return false;
	end if;
	update reportd.report_worker w set leaving = true
	where w.worker_id = scale_leave.worker_id;
	return true;
end $$;

-- For scalers that ask for one number, such as KEDA. The number includes the reports that run,
-- because scalers would otherwise end daemons at work.
create function reportd.scale_demand() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	select greatest(s.ready + s.running, s.errands::int) from reportd.scale_state(null, now()) s
$$;
comment on function reportd.scale_demand is
	'How many reports are due or run; 1 when something else waits for a daemon.';
