-- SPDX-License-Identifier: MIT
-- Reports that wait for others: which roles may see them, which requests the end of a
-- parent releases, and why something has not run yet. A request is WAITING until every
-- parent has completed what the request stands for; only then does it enter the queue of
-- its report.

create function reportd.wait_time(c reportd.report_config) returns interval
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select coalesce($1.wait_timeout, interval '24 hours')
$$;

create function reportd.ask_look(c reportd.report_config) returns void
language sql set search_path = pg_catalog, pg_temp as $$
	insert into reportd.report_look (config_id, owner) values ($1.config_id, $1.owner);
	select pg_notify('reportd_pending', '')
$$;

-- Says whether a role may see the reports of an owner.
create function reportd.sees(role oid, owner regrole) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select pg_has_role($1, $2, 'USAGE') or pg_has_role($1, 'reportd_viewer', 'USAGE')
$$;

-- Returns the name of a report for people.
create function reportd.label(c reportd.report_config) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select coalesce($1.report_key, $1.config_id::text)
$$;

-- ---- what satisfies a request that waits ----

-- Returns the reports at which the pipelines of a report begin: itself or, for an AFTER
-- report, those of its parents.
create function reportd.roots_of(config_id bigint) returns bigint[]
language sql stable set search_path = pg_catalog, pg_temp as $$
	with recursive up(id, kind) as (
		select c.config_id, c.trigger_type from reportd.report_config c
		where c.config_id = $1
		union
		select p.config_id, p.trigger_type from up
		join reportd.report_dependency d on d.child_id = up.id
		join reportd.report_config p on p.config_id = d.parent_id
		where up.kind = 'AFTER'
	)
	select array_agg(up.id order by up.id) from up where up.kind <> 'AFTER'
$$;

-- Returns the report whose schedule gives a parent's requests their times; without a
-- schedule_expression, the parent has no times of its own. All reports that an AFTER report
-- runs after begin with the same one, so one way up leads there.
create function reportd.clock_of(config_id bigint) returns reportd.report_config
language sql stable set search_path = pg_catalog, pg_temp as $$
	with recursive up(id, kind) as (
		select c.config_id, c.trigger_type from reportd.report_config c
		where c.config_id = $1
		union
		select p.config_id, p.trigger_type from up
		cross join lateral (
			select d.parent_id from reportd.report_dependency d
			where d.child_id = up.id order by d.parent_id limit 1) f
		join reportd.report_config p on p.config_id = f.parent_id
		where up.kind = 'AFTER'
	)
	select c.* from up join reportd.report_config c on c.config_id = up.id
	where up.kind <> 'AFTER'
$$;

-- How a parent satisfies the occurrences of a SCHEDULED report: by its times, which are those of
-- this expression in this zone, or, when it has none, by its newest request.
create type reportd.parent_clock as (
	parent_id bigint, expression text, time_zone text,
	newest bigint -- the newest request without parameters of its own, when it has COMPLETED
);

create function reportd.clocks_of(c reportd.report_config) returns reportd.parent_clock[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return array(
		select row(d.parent_id, k.schedule_expression, k.time_zone,
			case n.outcome when 'COMPLETED' then n.request_id end)::reportd.parent_clock
		from reportd.report_dependency d
		cross join lateral reportd.clock_of(d.parent_id) k
		left join lateral (
			select q.request_id, q.outcome from reportd.report_request q
			where k.schedule_expression is null and q.config_id = d.parent_id
				and q.parameters is null
			order by q.request_id desc limit 1) n on true
		where d.child_id = c.config_id and c.trigger_type <> 'AFTER');
end $$;

-- Returns the time up to which (exclusive) a parent satisfies the occurrences of a
-- SCHEDULED child; null: it satisfies none.
create function reportd.ready_until(clock reportd.parent_clock) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	done timestamptz;
begin
	if clock.expression is null then
		return case when clock.newest is not null then 'infinity'::timestamptz end;
	end if;
	select q.scheduled_for into done from reportd.report_request q
	where q.config_id = clock.parent_id and q.opens is not null
	order by q.scheduled_for desc limit 1;
	return case when done is not null then
		coalesce(reportd.next_run(clock.expression, clock.time_zone, done), 'infinity') end;
end $$;

-- Returns the parent's request that an occurrence of a SCHEDULED child follows.
create function reportd.satisfying_time(clock reportd.parent_clock, at timestamptz)
returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if clock.expression is null then
		return clock.newest;
	end if;
	return (select q.request_id from reportd.report_request q
		where q.config_id = clock.parent_id and q.opens is not null
			and q.scheduled_for >= coalesce(reportd.prev_run(
				clock.expression, clock.time_zone, at), '-infinity')
		order by q.scheduled_for, q.request_id desc limit 1);
end $$;

-- Returns the parent's request by which an AFTER child of a pipeline may go on; null:
-- none yet. A run_now() of the parent after the pipeline began counts as a repair. A
-- pipeline that a run_now() began in the middle never reaches parents outside of its
-- part: of these the newest request counts. part: its part; null: all.
create function reportd.satisfying_root(parent_id bigint, root bigint, part bigint[])
returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	found_id bigint;
begin
	select q.request_id into found_id from reportd.report_request q
	where q.opens is not null and q.config_id = parent_id
		and (q.root = satisfying_root.root or q.request_id = satisfying_root.root)
	order by q.request_id desc limit 1;
	if found_id is null then
		select q.request_id into found_id from reportd.report_request q
		where q.config_id = parent_id and q.request_id > satisfying_root.root
			and q.reason = 'run_now' and q.opens is not null
		order by q.request_id desc limit 1;
	end if;
	if found_id is not null then
		return found_id;
	end if;
	if parent_id = any (part) is not false then
		return null;
	end if;
	select q.request_id into found_id from reportd.report_request q
	where q.config_id = parent_id and q.newest and q.opens is not null;
	return found_id;
end $$;

-- Returns the reports that a pipeline reaches which a run_now() has begun, the first one included;
-- null: it was begun in another way, at its beginning.
create function reportd.part_of(root bigint) returns bigint[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	begun reportd.report_request;
begin
	select * into begun from reportd.report_request q where q.request_id = part_of.root;
	if begun.reason is distinct from 'run_now' then
		return null;
	end if;
	return (
		with recursive down(id) as (
			select begun.config_id
			union
			select d.child_id from down
			join reportd.report_dependency d on d.parent_id = down.id
		)
		select array_agg(down.id) from down);
end $$;

-- Returns {"PARENT": REQUEST} when every parent has completed; else null. clocks: those of a
-- SCHEDULED report.
create function reportd.satisfied_by(
	c reportd.report_config, q reportd.report_request, clocks reportd.parent_clock[]
) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	found jsonb := '{}';
	part bigint[];
	one record;
begin
	if c.trigger_type <> 'AFTER' then
		return (select case when bool_and(s.request_id is not null) is not false
				then coalesce(jsonb_object_agg(s.parent_id, s.request_id), '{}') end
			from (select k.parent_id, case when k.expression is null then k.newest
					else reportd.satisfying_time(k, q.scheduled_for) end as request_id
				from unnest(clocks) k) s);
	end if;
	part := reportd.part_of(q.root);
	for one in
		select d.parent_id, reportd.satisfying_root(d.parent_id, q.root, part) as request_id
		from reportd.report_dependency d where d.child_id = c.config_id
	loop
		if one.request_id is null then
			return null;
		end if;
		found := found || jsonb_build_object(one.parent_id, one.request_id);
	end loop;
	return found;
end $$;

-- ---- opening and releasing ----

-- Says whether a request came by itself: by a schedule, by a file, or after one of these.
-- Backfills and runs by hand are never skipped.
create function reportd.came_by_itself(q reportd.report_request) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select $1.reason in ('schedule', 'file') or $1.reason = 'after' and exists (
		select from reportd.report_request r
		where r.request_id = $1.root and r.reason in ('schedule', 'file'))
$$;

create function reportd.skip_request(q reportd.report_request, why text) returns void
language sql set search_path = pg_catalog, pg_temp as $$
	update reportd.report_request r
	set state = 'ENDED', outcome = 'SKIPPED', ended_at = now(), error_message = $2
	where r.request_id = $1.request_id;
	select reportd.notify_done($1.config_id, $1.request_id, null, 'SKIPPED')
$$;

-- Skips waiting occurrences between the oldest and the newest, unless misfire_policy is
-- ALL. The oldest stays, because otherwise each new occurrence would put off the one that
-- waits for a slow parent.
create function reportd.thin_waiting(c reportd.report_config) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	perform reportd.skip_request(w.q, 'a newer occurrence waits')
	from (
		select q, row_number() over (order by q.scheduled_for, q.request_id) as first,
			row_number() over (order by q.scheduled_for desc, q.request_id desc) as last
		from reportd.report_request q
		where q.config_id = c.config_id and q.state = 'WAITING'
			and reportd.came_by_itself(q)) w
	where c.misfire_policy <> 'ALL' and w.first > 1 and w.last > 1;
end $$;

-- Makes a request of an AFTER report, for the pipeline in which one of its parents has
-- completed. False: the owner's quota has no room for it now.
create function reportd.open_child(c reportd.report_config, opener bigint) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	q reportd.report_request;
	begun bigint;
begin
	select * into q from reportd.report_request r
	where r.request_id = opener and r.opens is not null;
	begun := coalesce(q.root, q.request_id);
	if q.request_id is null or not reportd.opens_others(q)
		or not c.is_active or exists (select from reportd.report_request r
			where r.root = begun and r.config_id = c.config_id) then
		return true;
	elsif reportd.schedule_room(c.owner) < 1 then
		return false;
	end if;
	insert into reportd.report_request (config_id, owner, reason, requested_by,
		scheduled_for, root, state, deadline)
	values (c.config_id, c.owner, 'after', 'reportd', q.scheduled_for, begun, 'WAITING',
		clock_timestamp() + reportd.wait_time(c));
	return true;
end $$;

-- Looks at the waiting requests of a report for some milliseconds, and tells how many it
-- released. When several occurrences are free at once, the newest one runs, unless
-- misfire_policy is ALL. last: the request up to which it has looked; null: it has looked at
-- all. since: that of the call before, 0: from the beginning.
create function reportd.release(
	config_id bigint, since bigint, out released int, out last bigint
) language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	q reportd.report_request;
	began timestamptz := clock_timestamp();
	slice interval;
	clocks reportd.parent_clock[];
	until timestamptz := 'infinity';
	by_itself boolean;
	newest timestamptz;
	parents jsonb;
	free reportd.report_request;
	seen bigint;
	waiting int;
begin
	released := 0;
	select * into c from reportd.report_config r where r.config_id = release.config_id;
	select count(*) into waiting from (select from reportd.report_request r
		where r.config_id = c.config_id and r.state = 'WAITING' limit 3) w;
	if waiting > 2 and since = 0 then
		perform reportd.thin_waiting(c);
	end if;
	-- The schedules of the parents are read once for all that waits.
	clocks := reportd.clocks_of(c);
	if c.trigger_type <> 'AFTER' then
		select case when bool_and(r.until is not null) is not false
			then coalesce(min(r.until), 'infinity') end into until
		from (select reportd.ready_until(k) as until from unnest(clocks) k) r;
	end if;
	-- The requests get at least as much time as this has taken.
	slice := greatest(clock_timestamp() - began, interval '5 ms');
	began := clock_timestamp();
	for q in
		select r.* from reportd.report_request r
		cross join lateral (select c.misfire_policy <> 'ALL'
			and reportd.came_by_itself(r) as alone offset 0) b
		where r.config_id = c.config_id and r.state = 'WAITING'
			and (r.scheduled_for < until or r.reason = 'run_now')
			and r.request_id > since and (since = 0 or not b.alone)
		order by case when not b.alone then r.request_id else 0 end,
			r.scheduled_for desc, r.request_id desc
	loop
		if clock_timestamp() - began > slice and seen is not null then
			last := seen;
			exit;
		end if;
		-- The few that came by themselves are all looked at in one call.
		by_itself := c.misfire_policy <> 'ALL' and reportd.came_by_itself(q);
		seen := case when not by_itself then q.request_id end;
		-- A run by hand waits for nobody but for its files.
		parents := case q.reason when 'run_now' then '{}'
			else reportd.satisfied_by(c, q, clocks) end;
		if parents is null then
			continue;
		elsif waiting > 1 and by_itself then
			if q.scheduled_for < newest then
				perform reportd.skip_request(q, 'a newer occurrence ran');
				continue;
			end if;
			newest := q.scheduled_for;
		end if;
		if c.inputs is not null and not reportd.take_inputs(c, q, parents) then
			continue;
		end if;
		update reportd.report_request r
		set state = 'QUEUED', satisfied_by = parents where r.request_id = q.request_id
		returning * into free;
		released := released + 1;
	end loop;
	if released = 1 and not c.requests_wait and not reportd.is_busy(c) then
		perform reportd.take_request(c, free);
	elsif released > 0 then
		update reportd.report_config r set requests_wait = true
		where r.config_id = c.config_id;
		-- In hand at once when nothing else is: the oldest first.
		perform reportd.follow(c.config_id);
	end if;
end $$;

-- Ends a request whose time to wait is over, with a run whose error names the reports
-- that it waited for.
create function reportd.end_waiting(worker_id uuid, c reportd.report_config, q reportd.report_request)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	why text := format('waited %s for %s', reportd.wait_time(c),
		reportd.waited_for(q, c.owner));
	id bigint;
begin
	if not reportd.is_busy(c) then
		perform reportd.take_request(c, q);
		perform reportd.end_unclaimed(worker_id, c.config_id, why);
		return;
	end if;
	insert into reportd.report_run (config_id, request_id, owner, report_name, attempt,
		scheduled_for, worker_id, status, finished_at, error_stage, error_message, gave_up)
	values (c.config_id, q.request_id, c.owner, c.report_name, 1, q.scheduled_for,
		worker_id, 'FAILED', now(), 'start', why, true)
	returning run_id into id;
	update reportd.report_request r
	set state = 'ENDED', outcome = 'FAILED', ended_at = now(), run_id = id,
		error_message = why
	where r.request_id = q.request_id;
	perform reportd.write_notices(id, c.config_id, c.owner, 'FAILED', c.notify_on_failure)
	where c.notify_on_failure is not null;
	perform reportd.notify_done(c.config_id, q.request_id, id, 'FAILED');
end $$;

-- ---- for those who wait for a pipeline ----

create function reportd.opens_more(request_id bigint) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform reportd.check_actor();
	return (select exists (
			select from reportd.report_request p
			where (p.request_id = q.request_id or p.root = q.request_id) and p.opens)
		or exists (
			select from reportd.report_look l
			join reportd.report_request p on p.request_id = l.request_id
			where p.request_id = q.request_id or p.root = q.request_id)
		from reportd.report_request q
		where q.request_id = opens_more.request_id
			and reportd.sees(reportd.acting_role(), q.owner));
end $$;
comment on function reportd.opens_more is
	'Whether requests are about to follow those of the pipeline that this request has begun; null: there is no such request.';
