-- SPDX-License-Identifier: MIT
-- Reports that wait for others: who may, which request a parent's end releases, and
-- why something has not run yet. A request WAITS until every parent has completed
-- what it stands for; only then does it enter its report's queue.

create function reportd.wait_time(c reportd.report_config) returns interval
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select coalesce($1.wait_timeout, interval '24 hours')
$$;

create function reportd.ask_look(config_id bigint) returns void
language sql set search_path = pg_catalog, pg_temp as $$
	insert into reportd.report_look (config_id) values ($1);
	select pg_notify('reportd_pending', '')
$$;

-- Whether a role may see the reports of an owner.
create function reportd.sees(role oid, owner regrole) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select pg_has_role($1, $2, 'USAGE') or pg_has_role($1, 'reportd_viewer', 'USAGE')
$$;

-- The name of a report for people.
create function reportd.label(c reportd.report_config) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select coalesce($1.report_key, $1.config_id::text)
$$;

-- ---- which report waits for which ----

-- The keys that run_after may keep: those of reports that the owner may see.
create function reportd.check_run_after(new reportd.report_config, old reportd.report_config)
returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	bad text;
	how constant text := 'Write an array of keys, such as run_after => ''{daily_load,rates}''.';
begin
	if extract(epoch from new.wait_timeout) < 1 then
		perform reportd.refuse(
			format('wait_timeout %s is shorter than a second', new.wait_timeout),
			'Write an interval such as ''6 hours'', or null for 24 hours.');
	end if;
	if coalesce(cardinality(new.run_after), 0) = 0 then
		if new.trigger_type = 'AFTER' then
			perform reportd.refuse(
				format('report "%s" is AFTER without run_after', new.report_name), how);
		end if;
		return null;
	elsif new.trigger_type = 'ADHOC' then
		perform reportd.refuse(
			format('report "%s" has run_after but is ADHOC', new.report_name),
			'Set trigger_type to ''AFTER'' (it runs each time when those have), or to ''SCHEDULED'' (at its own times it waits for them).');
	elsif array_ndims(new.run_after) > 1 or array_position(new.run_after, null) is not null then
		perform reportd.refuse('run_after is no list of keys', how);
	elsif cardinality(new.run_after) > 100 then
		perform reportd.refuse(
			format('run_after has %s keys; at most 100 are taken', cardinality(new.run_after)),
			'Let a report of its own run after some of them, and this one after that.');
	elsif new.report_key = any (new.run_after) then
		perform reportd.refuse(
			format('report "%s" cannot run after itself', new.report_key),
			'Name other reports in run_after.');
	end if;
	select k into bad from unnest(new.run_after) k group by k having count(*) > 1 limit 1;
	if bad is not null then
		perform reportd.refuse(format('run_after names "%s" twice', left(bad, 100)),
			'Name each report once.');
	end if;
	if old.run_after is not distinct from new.run_after and old.owner = new.owner then
		return new.run_after;
	end if;
	-- One look-up by key for each.
	select k into bad from unnest(new.run_after) k
	where not coalesce((select reportd.sees(new.owner, p.owner)
		from reportd.report_config p where p.report_key = k), false) limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('run_after: there is no report with the key "%s" that %s may see',
				left(bad, 100), new.owner),
			'Give that report a report_key, and submit it first; see report_key in reportd.report_config.');
	end if;
	return new.run_after;
end $$;

-- Who waits for a report, as far as the acting role may know.
create function reportd.children_of(config_id bigint) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
	select concat_ws(' and ',
		(select string_agg(s.label, ', ' order by s.label) from (
			select reportd.label(c) as label from reportd.report_dependency d
			join reportd.report_config c on c.config_id = d.child_id
			where d.parent_id = $1 and reportd.sees(reportd.acting_role(), c.owner)
			limit 20) s),
		(select case when n.n > 0 then n.n || ' more' end from (
			select count(*) - least(20, count(*) filter (
				where reportd.sees(reportd.acting_role(), c.owner))) as n
			from reportd.report_dependency d
			join reportd.report_config c on c.config_id = d.child_id
			where d.parent_id = $1) n))
$$;

create function reportd.refuse_needed(c reportd.report_config, what text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if exists (select from reportd.report_dependency d where d.parent_id = c.config_id) then
		perform reportd.refuse(
			format('%s: these run after it: %s', what, reportd.children_of(c.config_id)),
			'Take it out of their run_after first: select reportd.change(ID, ''{"run_after": […]}'').');
	end if;
end $$;

-- Where the pipelines of a report begin: itself, or for AFTER where those of its
-- parents do.
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

-- A circle never runs. An AFTER report takes up one request of one beginning; so do
-- the reports after it.
create function reportd.check_dependencies(config_id bigint) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
begin
	select * into c from reportd.report_config r where r.config_id = check_dependencies.config_id;
	if exists (
		with recursive up(id) as (
			select d.parent_id from reportd.report_dependency d where d.child_id = c.config_id
			union
			select d.parent_id from up join reportd.report_dependency d on d.child_id = up.id
		)
		select from up where up.id = c.config_id) then
		perform reportd.refuse(
			format('report "%s" would wait for itself: one that it runs after runs after it, at once or through others',
				reportd.label(c)),
			'Take one of the two out of the other''s run_after.');
	end if;
	for c in
		with recursive down(id) as (
			select c.config_id
			union
			select d.child_id from down join reportd.report_dependency d on d.parent_id = down.id
			join reportd.report_config k on k.config_id = d.child_id
			where k.trigger_type = 'AFTER'
		)
		select k.* from down join reportd.report_config k on k.config_id = down.id
		where k.trigger_type = 'AFTER'
	loop
		if cardinality(reportd.roots_of(c.config_id)) > 1 then
			perform reportd.refuse(
				format('report "%s" is AFTER, and the reports that it runs after do not begin with the same one',
					reportd.label(c)),
				'Make it SCHEDULED with run_after: at its own times it waits for the latest run of each.');
		end if;
	end loop;
end $$;

-- Refuses at once for the message; dependency_at_commit() has the last word.
create function reportd.keep_dependencies() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	message text;
	hint text;
begin
	if tg_op = 'UPDATE' then
		delete from reportd.report_dependency d
		where d.child_id = new.config_id and not exists (
			select from reportd.report_config p
			where p.config_id = d.parent_id and p.report_key = any (new.run_after));
	end if;
	insert into reportd.report_dependency (child_id, parent_id, changed)
	select new.config_id, p.config_id, tg_op = 'UPDATE'
	from reportd.report_config p where p.report_key = any (new.run_after)
	on conflict (child_id, parent_id) do nothing;
	perform reportd.check_dependencies(new.config_id)
	where tg_op = 'UPDATE' or cardinality(new.run_after) > 1;
	if tg_op = 'UPDATE' then
		-- What waited for a parent that went may be free.
		perform reportd.ask_look(new.config_id);
	end if;
	return null;
exception when invalid_parameter_value then
	get stacked diagnostics message = message_text, hint = pg_exception_hint;
	raise exception using errcode = '22023', message = message, hint = hint;
end $$;
create trigger d_dependencies_insert after insert on reportd.report_config
	for each row when (new.run_after is not null)
	execute function reportd.keep_dependencies();
create trigger d_dependencies_update after update of run_after, trigger_type
	on reportd.report_config
	for each row when ((new.run_after is not null or old.run_after is not null
			or new.has_children)
		and (old.run_after, old.trigger_type) is distinct from (new.run_after, new.trigger_type))
	execute function reportd.keep_dependencies();

-- As a transaction commits, so that nobody holds a parent or others' changes up by one
-- that stays open; and it waits for others no longer than that. The parent's row is written each time: a transaction that takes the
-- last child away at the same time must see this one.
create function reportd.lock_parent(parent_id bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
begin
	perform from reportd.report_config c where c.config_id = parent_id for update;
exception when lock_not_available then
	raise exception using errcode = '55P03',
		message = format('report %s, which is in run_after, is being changed by somebody else',
			parent_id),
		hint = 'Try again when that transaction has ended.';
end $$;

create function reportd.dependency_at_commit() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
	set lock_timeout = '2s' as $$
declare
	p reportd.report_config;
	written boolean; -- by this transaction, for another child
begin
	if not exists (select from reportd.report_dependency d
		where d.child_id = new.child_id and d.parent_id = new.parent_id) then
		return null;
	end if;
	if new.changed then
		perform from reportd.dependency_turn for update;
		perform reportd.check_dependencies(new.child_id);
	end if;
	perform reportd.lock_parent(new.parent_id);
	select * into p from reportd.report_config c where c.config_id = new.parent_id;
	if p.config_id is null then
		perform reportd.refuse('a report in run_after was deleted meanwhile',
			'Leave it out.');
	end if;
	select c.xmin = pg_current_xact_id()::xid into written
	from reportd.report_config c where c.config_id = p.config_id;
	if not p.has_children or not written then
		-- What it completed before anybody waited for it is kept from now on.
		perform reportd.keep_request(p);
		update reportd.report_config c
		set has_children = true, request_kept = c.request_kept
			or c.request_id is not null and c.status in ('COMPLETED', 'FAILED', 'CANCELLED')
		where c.config_id = p.config_id;
		update reportd.report_request q set opens = false
		where not p.has_children and q.config_id = p.config_id and q.newest
			and q.opens is null;
	end if;
	-- An ADHOC report may have been quicker than the INSERT of the one after it.
	insert into reportd.report_look (config_id, request_id)
	values (new.child_id, case when p.trigger_type = 'ADHOC' and not new.changed
		then p.request_id end);
	perform pg_notify('reportd_pending', '');
	return null;
end $$;
create constraint trigger at_commit after insert on reportd.report_dependency
	deferrable initially deferred
	for each row execute function reportd.dependency_at_commit();

create function reportd.dependency_gone() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform from reportd.report_config c where c.config_id = old.parent_id for update;
	update reportd.report_config c set has_children = false
	where c.config_id = old.parent_id and c.has_children and not exists (
		select from reportd.report_dependency d where d.parent_id = old.parent_id);
	return null;
end $$;
create constraint trigger gone_at_commit after delete on reportd.report_dependency
	deferrable initially deferred
	for each row execute function reportd.dependency_gone();

create function reportd.refuse_delete() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform reportd.refuse_needed(old, format('report %s cannot be deleted', old.config_id));
	return old;
end $$;
create trigger b_needed before delete on reportd.report_config
	for each row when (old.has_children) execute function reportd.refuse_delete();

create function reportd.forget_dependencies() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	delete from reportd.report_dependency d where d.child_id = old.config_id;
	delete from reportd.report_look l where l.config_id = old.config_id;
	return null;
end $$;
create trigger d_dependencies_delete after delete on reportd.report_config
	for each row when (old.run_after is not null)
	execute function reportd.forget_dependencies();

-- ---- what satisfies a request that waits ----

-- The newest request of a report that counts: one without parameters of its own.
create function reportd.newest_request(config_id bigint) returns reportd.report_request
language sql stable set search_path = pg_catalog, pg_temp as $$
	select q.* from reportd.report_request q
	where q.config_id = $1 and q.parameters is null
	order by q.request_id desc limit 1
$$;

-- Where a parent's requests get their times from, as a row; a parent without times of
-- its own has no schedule_expression there.
create function reportd.clock_of(config_id bigint) returns reportd.report_config
language sql stable set search_path = pg_catalog, pg_temp as $$
	select c.* from reportd.report_config c
	where c.config_id = (reportd.roots_of($1))[1]
$$;

-- Up to which time (exclusive) occurrences of a SCHEDULED child are satisfied by a
-- parent; null: none is.
create function reportd.ready_until(parent_id bigint) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	clock reportd.report_config := reportd.clock_of(parent_id);
	done timestamptz;
begin
	if clock.schedule_expression is null then
		return case when (reportd.newest_request(parent_id)).outcome = 'COMPLETED'
			then 'infinity'::timestamptz end;
	end if;
	select q.scheduled_for into done from reportd.report_request q
	where q.config_id = parent_id and q.opens is not null
	order by q.scheduled_for desc limit 1;
	return case when done is not null then
		coalesce(reportd.next_run(clock.schedule_expression, clock.time_zone, done),
			'infinity') end;
end $$;

-- The parent's request that an occurrence of a SCHEDULED child follows.
create function reportd.satisfying_time(parent_id bigint, at timestamptz) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	clock reportd.report_config := reportd.clock_of(parent_id);
begin
	if clock.schedule_expression is null then
		return (reportd.newest_request(parent_id)).request_id;
	end if;
	return (select q.request_id from reportd.report_request q
		where q.config_id = parent_id and q.opens is not null
			and q.scheduled_for >= coalesce(reportd.prev_run(
				clock.schedule_expression, clock.time_zone, at), '-infinity')
		order by q.scheduled_for, q.request_id desc limit 1);
end $$;

-- The parent's request by which an AFTER child of a pipeline may go on; null: none yet.
-- A run_now() that came after the beginning repairs. A pipeline that a run_now() began
-- half-way never reaches parents beside its way: there the newest one counts.
create function reportd.satisfying_root(parent_id bigint, root bigint) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	found_id bigint;
	begun reportd.report_request;
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
	select * into begun from reportd.report_request q where q.request_id = satisfying_root.root;
	if begun.reason <> 'run_now' or begun.config_id = any (reportd.above(parent_id)) then
		return null;
	end if;
	select q.request_id into found_id from reportd.report_request q
	where q.config_id = parent_id and q.newest and q.opens is not null;
	return found_id;
end $$;

-- A report and all that it runs after, at once or through others.
create function reportd.above(config_id bigint) returns bigint[]
language sql stable set search_path = pg_catalog, pg_temp as $$
	with recursive up(id) as (
		select $1
		union
		select d.parent_id from up join reportd.report_dependency d on d.child_id = up.id
	)
	select array_agg(up.id) from up
$$;

-- {"PARENT": REQUEST} when every parent has completed; else null.
create function reportd.satisfied_by(c reportd.report_config, q reportd.report_request)
returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
	select case when bool_and(s.request_id is not null) is not false
		then coalesce(jsonb_object_agg(s.parent_id, s.request_id), '{}') end
	from (
		select d.parent_id, case $1.trigger_type
			when 'AFTER' then reportd.satisfying_root(d.parent_id, $2.root)
			else reportd.satisfying_time(d.parent_id, $2.scheduled_for) end as request_id
		from reportd.report_dependency d where d.child_id = $1.config_id) s
$$;

-- ---- opening and releasing ----

-- An occurrence came by itself: by a schedule, or after one. Backfills and runs by hand
-- are wanted each.
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

-- Unless all are wanted, the oldest and the newest occurrence wait: the oldest, as each
-- new one would put off the end of a slow parent; those between are skipped.
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

-- A request of an AFTER report for the pipeline that one of its parents has completed.
-- False: its owner has no room for it now.
create function reportd.open_child(c reportd.report_config, opener bigint) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	q reportd.report_request;
	begun bigint;
begin
	select * into q from reportd.report_request r
	where r.request_id = opener and r.opens is not null;
	begun := coalesce(q.root, q.request_id);
	if q.request_id is null or q.reason = 'run_now' and not q.cascades
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

-- Looks at the requests of a report that wait, and says how many it released. Several
-- occurrences that are free at once: the newest runs, unless all are wanted.
create function reportd.release(config_id bigint) returns int
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	q reportd.report_request;
	until timestamptz := 'infinity';
	newest timestamptz;
	parents jsonb;
	released int := 0;
begin
	select * into c from reportd.report_config r where r.config_id = release.config_id;
	perform reportd.thin_waiting(c);
	if c.trigger_type <> 'AFTER' then
		-- The schedules of the parents are read once for all that waits.
		select case when bool_and(r.until is not null) is not false
			then coalesce(min(r.until), 'infinity') end into until
		from (select reportd.ready_until(d.parent_id) as until
			from reportd.report_dependency d where d.child_id = c.config_id) r;
	end if;
	for q in
		select r.* from reportd.report_request r
		where r.config_id = c.config_id and r.state = 'WAITING' and r.scheduled_for < until
		order by r.scheduled_for desc, r.request_id desc
	loop
		parents := reportd.satisfied_by(c, q);
		if parents is null then
			continue;
		elsif c.misfire_policy <> 'ALL' and reportd.came_by_itself(q) then
			if q.scheduled_for < newest then
				perform reportd.skip_request(q, 'a newer occurrence ran');
				continue;
			end if;
			newest := q.scheduled_for;
		end if;
		update reportd.report_request r
		set state = 'QUEUED', satisfied_by = parents where r.request_id = q.request_id;
		released := released + 1;
	end loop;
	if released > 0 then
		update reportd.report_config r set requests_wait = true
		where r.config_id = c.config_id;
		-- In hand at once when nothing else is: the oldest first.
		perform reportd.follow(c.config_id);
	end if;
	return released;
end $$;

-- ---- why something waits ----

create function reportd.shown_time(at timestamptz, time_zone text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
	select coalesce(to_char(reportd.local_time($1, $2), 'YYYY-MM-DD HH24:MI:SS') || ' ' || $2,
		$1::text)
$$;

-- The requests of a report, the first one of an ADHOC report among them; the newest.
create function reportd.last_request(config_id bigint, root bigint)
returns table (request_id bigint, status text, run_id bigint, scheduled_for timestamptz,
	ended_at timestamptz, error_message text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return query
	select v.request_id, v.status, v.run_id, v.scheduled_for, v.ended_at, v.error_message
	from reportd.v_requests v
	where v.request_id = coalesce(
			(select q.request_id from reportd.report_request q
			 where q.root = last_request.root and q.config_id = last_request.config_id
			 order by q.request_id desc limit 1),
			(select max(k.request_id) from reportd.v_requests k
			 where k.config_id = last_request.config_id and k.parameters is null));
end $$;

-- How a parent is that a request waits for, as the end of a sentence.
create function reportd.parent_state(p reportd.report_config, root bigint, time_zone text)
returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	l record;
	next text := case when p.next_run_time is not null and p.is_active then
		', next at ' || reportd.shown_time(p.next_run_time, time_zone) else '' end;
	at text;
begin
	select * into l from reportd.last_request(p.config_id, root);
	at := reportd.shown_time(coalesce(l.ended_at, p.error_timestamp), time_zone);
	return reportd.label(p) || case
		when not p.is_active then ', which is not active (paused)' else '' end || case
		when l.request_id is null then ', which has not run yet' || next
		when l.status = 'FAILED' then format(', whose %s failed at %s: %s',
			coalesce('run ' || l.run_id, 'request ' || l.request_id), at,
			left(l.error_message, 500))
		when l.status = 'CANCELLED' then format(', whose request %s was cancelled at %s',
			l.request_id, at)
		when l.status = 'PROCESSING' then format(', which is running (run %s)', l.run_id)
		when l.status = 'PENDING' and p.attempt > 0 then
			format(', whose run %s failed and is tried again at %s: %s', p.run_id,
				reportd.shown_time(p.due_at, time_zone), left(p.error_message, 500))
		when l.status = 'PENDING' then ', which is due and has not begun'
		when l.status = 'QUEUED' then format(', whose request %s waits for its turn', l.request_id)
		when l.status = 'WAITING' then ', which waits for others itself'
		else format(', whose last run was for %s', reportd.shown_time(l.scheduled_for, time_zone))
			|| next end;
end $$;

-- What a WAITING request waits for, seen by a role.
create function reportd.waited_for(q reportd.report_request, role oid) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	d record;
	said text[] := '{}';
begin
	select * into c from reportd.report_config r where r.config_id = q.config_id;
	for d in
		select p as parent from reportd.report_dependency k
		join reportd.report_config p on p.config_id = k.parent_id
		where k.child_id = c.config_id order by p.report_key
	loop
		if (case c.trigger_type
			when 'AFTER' then reportd.satisfying_root((d.parent).config_id, q.root)
			else case when q.scheduled_for < reportd.ready_until((d.parent).config_id) then 1 end
			end) is null then
			said := said || case when reportd.sees(role, (d.parent).owner)
				then reportd.parent_state(d.parent, q.root, c.time_zone)
				else (d.parent).report_key end;
		end if;
	end loop;
	return case cardinality(said) when 0 then 'nobody any more: it is released by the next tick of a daemon'
		else array_to_string(said, '; ') end;
exception when others then
	return 'other reports, of which one cannot be read: ' || sqlerrm;
end $$;

-- What a PENDING report waits for.
create function reportd.pending_reason(c reportd.report_config) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	denied text := (reportd.denial(c)).message;
	most int := (reportd.quota_of(c.owner)).max_running;
	running bigint;
	places bigint;
begin
	if c.due_at > now() and c.attempt > 0 then
		return format('attempt %s failed at %s: %s; it is tried again at %s', c.attempt,
			reportd.shown_time(c.error_timestamp, c.time_zone), c.error_message,
			reportd.shown_time(c.due_at, c.time_zone));
	elsif c.due_at > now() then
		return format('it is due at %s', reportd.shown_time(c.due_at, c.time_zone));
	end if;
	select sum(w.workers) into places from reportd.report_worker w
	where w.heartbeat_at > now() - w.lease;
	if places is null then
		return 'no daemon runs';
	elsif not exists (select from reportd.report_worker w
		where w.heartbeat_at > now() - w.lease and c.source = any (w.sources)) then
		return format('no daemon that runs has the source "%s"', c.source);
	elsif denied is not null then
		return format('it will end FAILED: %s', denied);
	end if;
	select count(*) into running from reportd.report_config r
	where r.status = 'PROCESSING' and r.owner = c.owner;
	if running >= most and not pg_has_role(c.owner, 'reportd_operator', 'USAGE') then
		return format('%s runs %s reports, which is its quota', c.owner, running);
	end if;
	select count(*) into running from reportd.report_config r where r.status = 'PROCESSING';
	if running >= places then
		return format('all %s workers are busy', places);
	end if;
	return format('it is due since %s and is claimed when a daemon has a worker free for its source and kind',
		reportd.shown_time(c.due_at, c.time_zone));
end $$;

-- When a report at rest runs next.
create function reportd.next_reason(c reportd.report_config) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if not c.is_active then
		return format('; it is not active (paused): select reportd.change(%s, ''{"is_active": true}'')',
			c.config_id);
	elsif c.trigger_type = 'AFTER' then
		return '; it runs after ' || (
			select string_agg(case when reportd.sees(reportd.acting_role(), p.owner)
				then reportd.parent_state(p, null, c.time_zone) else p.report_key end, '; '
				order by p.report_key)
			from reportd.report_dependency d
			join reportd.report_config p on p.config_id = d.parent_id
			where d.child_id = c.config_id);
	elsif c.trigger_type = 'SCHEDULED' and c.next_run_time is null then
		return '; its schedule fires no more: ' || coalesce(c.error_message, 'there is no next time');
	elsif c.trigger_type = 'SCHEDULED' then
		return '; its schedule fires next at ' || reportd.shown_time(c.next_run_time, c.time_zone);
	end if;
	return '';
end $$;

create function reportd.request_state(c reportd.report_config, request_id bigint) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	v record;
	deadline timestamptz;
begin
	select * into v from reportd.v_requests r
	where r.config_id = c.config_id and r.request_id = request_state.request_id;
	case v.status
		when 'PROCESSING' then
			return (select format('is running: run %s, stage %s, since %s%s', r.run_id, r.stage,
					reportd.shown_time(r.started_at, c.time_zone),
					case when c.cancel_requested then '; it is being cancelled' else '' end)
				from reportd.report_run r where r.run_id = v.run_id);
		when 'PENDING' then
			if not c.is_active then
				return 'is PENDING' || reportd.next_reason(c);
			end if;
			return 'is PENDING: ' || reportd.pending_reason(c);
		when 'WAITING' then
			select q.deadline into deadline from reportd.report_request q
			where q.request_id = v.request_id;
			return format('waits until %s for %s',
				reportd.shown_time(deadline, c.time_zone), v.waits_for);
		when 'QUEUED' then
			if not reportd.is_busy(c) then
				return 'is taken up by the next tick of a daemon';
			end if;
			return format('waits for its turn: request %s %s', c.request_id,
				reportd.request_state(c, c.request_id));
		when 'COMPLETED' then
			return format('has COMPLETED at %s',
				reportd.shown_time(v.ended_at, c.time_zone));
		when 'SKIPPED' then
			return format('was skipped: %s', v.error_message);
		else
			return format('is %s since %s: %s; reportd.retry(%s, %s) runs it again', v.status,
				reportd.shown_time(v.ended_at, c.time_zone),
				coalesce(v.error_message, 'cancelled by ' || c.cancelled_by), c.config_id,
				v.request_id);
	end case;
end $$;

create function reportd.why(config_id bigint, request_id bigint default null) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	asked bigint := request_id;
	refusal text;
	mend text;
begin
	perform reportd.check_actor();
	select * into c from reportd.report_config r
	where r.config_id = why.config_id and reportd.sees(reportd.acting_role(), r.owner);
	if c.config_id is null then
		perform reportd.refuse(
			format('there is no report %s that %s may see', config_id, reportd.acting_name()),
			'See reportd.report_config, or `reportctl list`.');
	elsif asked is not null and not exists (select from reportd.v_requests v
		where v.config_id = c.config_id and v.request_id = asked) then
		perform reportd.refuse(format('report %s has no request %s', c.config_id, asked),
			'See reportd.v_requests, or `reportctl status ID`.');
	end if;
	if asked is null and not reportd.is_busy(c) then
		select q.request_id into asked from reportd.report_request q
		where q.config_id = c.config_id and q.state = 'WAITING'
		order by q.scheduled_for desc limit 1;
	end if;
	asked := coalesce(asked, c.request_id);
	if asked is null then
		return format('report %s has not run yet%s', reportd.label(c), reportd.next_reason(c));
	end if;
	return format('request %s of report %s %s%s', asked, reportd.label(c),
		reportd.request_state(c, asked),
		case when asked = c.request_id and request_id is null and not reportd.is_busy(c)
			then reportd.next_reason(c)
			else '' end);
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.why is
	'What a report, or one of its requests, waits for, or how it ended, in one sentence.';

-- Ends a request whose time to wait is over, with a run that says whom it waited for.
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
		scheduled_for, worker_id, status, finished_at, error_stage, error_message)
	values (c.config_id, q.request_id, c.owner, c.report_name, 1, q.scheduled_for,
		worker_id, 'FAILED', now(), 'start', why)
	returning run_id into id;
	update reportd.report_request r
	set state = 'ENDED', outcome = 'FAILED', ended_at = now(), run_id = id,
		error_message = why
	where r.request_id = q.request_id;
	perform reportd.write_notices(id, c.config_id, c.owner, 'FAILED', c.notify_on_failure)
	where c.notify_on_failure is not null;
	perform reportd.notify_done(c.config_id, q.request_id, id, 'FAILED');
end $$;

-- ---- the daemon's turn ----

-- Completed requests are spread to the reports that wait, as rows of report_look.
create function reportd.spread_opens(most int) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	q record;
	n bigint;
	last bigint;
	total bigint := 0;
begin
	for q in
		select r.request_id, r.config_id, r.opened_to from reportd.report_request r
		where r.opens order by r.request_id limit 20 for update skip locked
	loop
		exit when total >= most;
		with one as (
			select d.child_id from reportd.report_dependency d
			where d.parent_id = q.config_id and d.child_id > coalesce(q.opened_to, 0)
			order by d.child_id limit most
		), asked as (
			insert into reportd.report_look (config_id, request_id)
			select one.child_id, q.request_id from one
		)
		select count(*), max(one.child_id) into n, last from one;
		update reportd.report_request r
		set opens = n = most, opened_to = case when n = most then last end
		where r.request_id = q.request_id;
		total := total + n;
	end loop;
	return total;
end $$;

-- Opens, releases and ends what waits; 500 reports or 50 ms in one call, as claims and
-- finishes of the daemon come after it on the same connection. Rows
-- that somebody has locked are left for later: each is asked for by a row of
-- report_look, or by its deadline. One that cannot be looked at fails alone.
create function reportd.take_steps(
	worker_id uuid, out released bigint, out ended bigint, out more boolean
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	most constant int := 500;
	spread bigint := reportd.spread_opens(most);
	seen int := 0;
	l record;
	later interval;
begin
	released := 0;
	ended := 0;
	for l in
		select k.look_id, k.request_id, c.row
		from reportd.report_look k
		cross join lateral (
			select c as row from reportd.report_config c where c.config_id = k.config_id
			for update skip locked) c
		where k.look_at <= clock_timestamp()
		order by k.look_at, k.look_id limit most
		for update of k skip locked
	loop
		seen := seen + 1;
		later := null;
		begin
			if l.request_id is not null and (l.row).trigger_type = 'AFTER'
				and not reportd.open_child(l.row, l.request_id) then
				later := '5 seconds';
			end if;
			released := released + reportd.release((l.row).config_id);
		exception when others then
			raise warning 'report %: what waits of it cannot be looked at: %',
				(l.row).config_id, sqlerrm;
			later := '1 minute';
		end;
		if later is null then
			delete from reportd.report_look k where k.look_id = l.look_id;
		else
			update reportd.report_look k set look_at = clock_timestamp() + later
			where k.look_id = l.look_id;
		end if;
		exit when clock_timestamp() - statement_timestamp() > interval '50 ms';
	end loop;
	for l in
		select q, c.row from reportd.report_request q
		cross join lateral (
			select c as row from reportd.report_config c where c.config_id = q.config_id
			for update skip locked) c
		where q.state = 'WAITING' and q.deadline <= now()
			-- What has just been released is looked at as it is now.
			and not exists (select from reportd.report_look k
				where k.config_id = q.config_id and k.look_at <= now())
		order by q.deadline limit 100
	loop
		begin
			perform reportd.end_waiting(worker_id, c, l.q)
			from reportd.report_config c where c.config_id = (l.row).config_id;
			ended := ended + 1;
		exception when others then
			raise warning 'request %: its wait cannot be ended: %', (l.q).request_id, sqlerrm;
			update reportd.report_request q set deadline = now() + interval '1 minute'
			where q.request_id = (l.q).request_id;
		end;
		exit when clock_timestamp() - statement_timestamp() > interval '100 ms';
	end loop;
	more := spread > 0 or seen > 0 or ended > 0;
end $$;
