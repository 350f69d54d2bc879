-- SPDX-License-Identifier: MIT
-- Values that the daemon's statements compute from a row's own texts.

-- A row that has become wrong (a zone that this server does not know, after a
-- restore) must fail alone, not the statement that serves all of them.

create function reportd.plan_fire(
	expression text, time_zone text, misfire_policy text,
	next_run_time timestamptz, grace interval,
	out scheduled_for timestamptz, out next_time timestamptz, out error text
) language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
	if misfire_policy = 'ALL' then
		-- Times that were missed more than a year ago are not caught up.
		scheduled_for := case when next_run_time >= now() - interval '1 year'
			then next_run_time
			else reportd.next_run(expression, time_zone, now() - interval '1 year') end;
		next_time := reportd.next_run(expression, time_zone, scheduled_for);
	else
		scheduled_for := greatest(next_run_time,
			reportd.prev_run(expression, time_zone, now()));
		if misfire_policy = 'SKIP' and now() - scheduled_for > grace then
			scheduled_for := null;
		end if;
		next_time := reportd.next_run(expression, time_zone, now());
	end if;
exception when others then
	scheduled_for := null;
	next_time := null;
	error := 'the schedule cannot be read and fires no more until schedule_expression or time_zone is set anew: '
		|| sqlerrm;
end $$;
comment on function reportd.plan_fire is
	'For which time a due schedule runs (null: it is skipped) and when it is due next.';

-- Returns how many more reports of an owner may become due by their schedules; null: no limit;
-- -1: another session holds the owner's turn and is about to commit. A tick that gets the turn
-- keeps it until it commits.
create function reportd.schedule_room(owner regrole) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	most int := (reportd.quota_of(owner)).max_pending;
begin
	if most is null or pg_has_role(owner, 'reportd_operator', 'USAGE') then
		return null;
	end if;
	if not reportd.take_turn(owner, false) then
		return -1;
	end if;
	return greatest(most - reportd.pending_count(owner, most), 0);
end $$;

-- Returns the owners with schedules that are due. When many are due it hops from owner to owner
-- over the index report_config_fire: one probe for each owner, 1000 at most. It begins at a
-- random owner, so that each is reached in some call.
create function reportd.schedule_turns() returns table (owner regrole, room int)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	owners oid[];
	first oid;
	last oid;
	start oid;
	at oid;
	due timestamptz;
	around boolean := false;
begin
	-- Reports in all states: a condition on the state would read past thousands that wait.
	owners := array(select c.owner from reportd.report_config c
		where c.trigger_type = 'SCHEDULED' and c.is_active and c.next_run_time <= now()
		order by c.next_run_time limit 400);
	if cardinality(owners) < 400 then
		for owner in select distinct unnest(owners) loop
			room := reportd.schedule_room(owner);
			return next;
		end loop;
		return;
	end if;
	select s.owner into first from reportd.schedule_at_rest s order by s.owner limit 1;
	select s.owner into last from reportd.schedule_at_rest s order by s.owner desc limit 1;
	start := reportd.random_oid(first, last);
	at := start;
	for visited in 1 .. 1000 loop
		select s.owner, s.next_run_time into owner, due from reportd.schedule_at_rest s
		where s.owner > at order by s.owner, s.next_run_time limit 1;
		if owner is null and not around then
			around := true;
			at := 0;
			continue;
		end if;
		exit when owner is null or around and owner > start;
		at := owner;
		if due <= now() then
			room := reportd.schedule_room(owner);
			return next;
		end if;
	end loop;
end $$;

create function reportd.random_oid(first oid, last oid) returns oid
language sql volatile set search_path = pg_catalog, pg_temp as $$
	select ($1::bigint + floor(random() * ($2::bigint - $1::bigint))::bigint)::oid
$$;

create function reportd.local_time(at timestamptz, time_zone text) returns timestamp
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return at at time zone time_zone;
exception when others then
	return null;
end $$;

-- Counts the reports that run: by owner, and by source under "s:NAME".
create function reportd.running_counts() returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
	select coalesce(jsonb_object_agg(r.key, r.n), '{}') from (
		select c.owner::oid::text as key, count(*) as n
		from reportd.report_config c where c.status = 'PROCESSING' group by c.owner
		union all
		select 's:' || c.source, count(*)
		from reportd.report_config c where c.status = 'PROCESSING' group by c.source) r
$$;

-- Says whether a claim could take any report of an owner from one of the sources.
create function reportd.can_claim(owner oid, sources text[], quotas boolean, busy jsonb)
returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select (not $3 or pg_has_role($1, 'reportd_operator', 'USAGE')
			or ((reportd.quota_of($1)).max_running
				> coalesce(($4 ->> $1::text)::bigint, 0)) is not false)
		and exists (select from unnest($2) r(s)
			cross join generate_series(1, 5) p(p)
			cross join (values ('ADHOC'), ('SCHEDULED'), ('AFTER'), ('FILE')) t(t)
			cross join lateral (select from reportd.report_config c
				where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
					and c.owner = $1 and c.source = r.s and c.priority = p.p
					and c.trigger_type = t.t and c.due_at <= now()
				limit 1) d)
$$;

-- The classes that a claim looks at, see sql/queue/claim.sql: each priority and trigger type,
-- with work or without, of the owners and sources that have waiting work. Each class comes with
-- its limits: `most` candidates, and the places left of its source and of its owner (null: no
-- limit). The search begins after owner `after`, wraps around, and ends after as many owners as
-- could be served, with at most 100 sources of each. passed: classes whose first reports
-- earlier claims have taken, with the place up to which: [[owner, source, priority,
-- trigger_type, due_at, config_id, running]]. Nothing is read before that place: while some
-- transaction is held open, the index is full of dead entries there.
create function reportd.claim_classes(
	wanted int, sources text[], source_max int[], passed jsonb, after oid
) returns table (owner oid, source text, priority int, trigger_type text,
	since timestamptz, since_id bigint, running bigint, owner_room bigint, source_room bigint, most int)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
	owners oid[] := '{}';
	known oid[]; -- the owners of the classes in passed, in order
	seen int; -- where the search is in them
	known_sources text[]; -- those of one owner
	seen_sources int;
	places jsonb; -- passed, by class
	place jsonb;
	one oid;
	at oid := after;
	next oid;
	at_source text;
	known_source text;
	quotas boolean;
	busy jsonb; -- see running_counts()
	room text[]; -- the sources that have a place
	last oid;
	visited int;
	choosy boolean := false;
	kinds text[];
begin
	select exists (select from reportd.report_quota q where q.max_running is not null),
		case when exists (select from reportd.report_config c
			where c.trigger_type in ('AFTER', 'FILE') and c.status = 'PENDING'
				and c.is_active and c.due_at < 'infinity')
		then '{ADHOC,SCHEDULED,AFTER,FILE}'::text[] else '{ADHOC,SCHEDULED}' end
	into quotas, kinds;
	if passed is not null then
		select array_agg(distinct (p ->> 0)::oid order by (p ->> 0)::oid), jsonb_object_agg(p ->> 0, p -> 6),
			jsonb_object_agg(concat_ws('/', p ->> 0, p ->> 1, p ->> 2, p ->> 3), p)
		into known, busy, places
		from jsonb_array_elements(passed) p;
	end if;
	if quotas or cardinality(array_remove(source_max, null)) > 0 then
		busy := reportd.running_counts();
	end if;
	loop
		at := after;
		last := null;
		owners := '{}';
		visited := 0;
		seen := 1;
		while cardinality(owners) < wanted + 16 and visited < 1000 loop
			-- Past the end of the array is null.
			while known[seen] <= at loop
				seen := seen + 1;
			end loop;
			next := known[seen];
			select c.owner into one from reportd.report_config c
			where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
				and c.owner > at and c.owner < coalesce(next, 4294967295::oid)
			order by c.owner limit 1;
			one := coalesce(one, next);
			if one is null and last is null and after > 0 then
				-- Around, once: from the first owner up to where it began.
				last := after;
				at := 0;
				seen := 1;
				continue;
			end if;
			exit when one is null or one > last;
			at := one;
			visited := visited + 1;
			if not choosy or one = any (known) or reportd.can_claim(one, room, quotas, busy) then
				owners := owners || one;
			end if;
			exit when one = last;
		end loop;
		-- With more owners than this claim can serve, some must wait. The list is then
		-- made again, without owners none of whose reports can be claimed: they would
		-- take the places of others.
		exit when choosy or cardinality(owners) < wanted + 16;
		choosy := true;
		room := array(select u.s from unnest(sources, source_max) u(s, m)
			where u.m is null or u.m > coalesce((busy ->> ('s:' || u.s))::bigint, 0));
	end loop;
	if busy is null and cardinality(owners) > 1 then
		busy := reportd.running_counts();
	end if;
	most := (wanted + 16) / greatest(cardinality(owners), 1) + 2;
	foreach owner in array owners loop
		running := coalesce((busy ->> owner::text)::bigint, 0);
		owner_room := null;
		if quotas and not pg_has_role(owner, 'reportd_operator', 'USAGE') then
			owner_room := (reportd.quota_of(owner)).max_running - running;
		end if;
		at_source := '';
		known_sources := null;
		seen_sources := 1;
		if owner = any (known) then
			known_sources := array(select distinct p ->> 1 from jsonb_array_elements(passed) p
				where (p ->> 0)::oid = claim_classes.owner order by 1);
		end if;
		for i in 1 .. 100 loop
			-- From source to source, up to the next known one, whose head may be dead.
			while known_sources[seen_sources] <= at_source loop
				seen_sources := seen_sources + 1;
			end loop;
			known_source := known_sources[seen_sources];
			if known_source is null then
				select c.source into source from reportd.report_config c
				where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
					and c.owner = claim_classes.owner and c.source > at_source
				order by c.source limit 1;
			else
				select c.source into source from reportd.report_config c
				where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
					and c.owner = claim_classes.owner and c.source > at_source
					and c.source < known_source
				order by c.source limit 1;
			end if;
			source := coalesce(source, known_source);
			exit when source is null;
			at_source := source;
			source_room := source_max[array_position(sources, source)]
				- coalesce((busy ->> ('s:' || source))::bigint, 0);
			if source = any (sources) and (source_room is null or source_room > 0)
				and (owner_room is null or owner_room > 0) then
				-- All classes of the source: the claim itself finds out which are empty.
				since := '-infinity';
				since_id := 0;
				foreach trigger_type in array kinds loop
					for level in 1 .. 5 loop
						priority := level;
						if places is not null then
							place := places -> concat_ws('/', owner, source, level, trigger_type);
							since := coalesce((place ->> 4)::timestamptz, '-infinity');
							since_id := coalesce((place ->> 5)::bigint, 0);
						end if;
						return next;
					end loop;
				end loop;
			end if;
		end loop;
	end loop;
end $$;

-- The reports that a claim could take, in their order: see sql/queue/claim.sql. later_most: most
-- SCHEDULED and AFTER reports among them; ageing in ms; folders, targets: those of the daemon.
-- running: the reports of the same owner that run.
create function reportd.claim_candidates(
	wanted int, later_most int, sources text[], source_max int[], ageing bigint, passed jsonb,
	after oid, folders text[], targets text[]
) returns table (config_id bigint, place bigint, running bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
	-- While little waits, all of it is often of one class, whose reports are in order by
	-- themselves: the search for classes and the sorts are the larger part of a small claim.
	if passed is null then
		running := 0;
		place := 0;
		for config_id in
			select d.config_id
			from (select c.owner, c.source, c.priority, c.trigger_type
				from reportd.report_config c
				where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
				order by 1, 2, 3, 4 limit 1) k
			cross join lateral (
				select c.config_id, c.due_at from reportd.report_config c
				where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
					and c.owner = k.owner and c.source = k.source
					and c.priority = k.priority and c.trigger_type = k.trigger_type
					and c.due_at <= now() and (c.target is null or c.target = any (targets))
					and (c.local_paths is null or reportd.reaches_all(folders, c.local_paths))
				order by c.due_at, c.config_id
				limit case k.trigger_type when 'ADHOC' then wanted + 18
					else least(later_most, wanted + 18) end) d
			where k.source = any (sources) and cardinality(array_remove(source_max, null)) = 0
				and not exists (select from reportd.report_quota q
					where q.max_running is not null)
				-- No EXISTS, which the planner would turn into a join that reads the class.
				and (select c.owner from reportd.report_config c
					where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
						and (c.owner, c.source, c.priority, c.trigger_type)
							> (k.owner, k.source, k.priority, k.trigger_type)
					limit 1) is null
			order by d.due_at, d.config_id
		loop
			place := place + 1;
			return next;
		end loop;
		if place > 0 then
			return;
		end if;
	end if;
	return query
	with candidate as (
		select d.config_id, d.rank, d.due_at, k.source, k.source_room, k.running, k.owner_room,
			k.trigger_type <> 'ADHOC' as later,
			row_number() over (partition by k.owner order by d.rank,
				k.trigger_type <> 'ADHOC', d.due_at, d.config_id) as own_place
		from reportd.claim_classes(wanted, sources, source_max, passed, after) k
		cross join lateral (
			select c.config_id, c.due_at, c.priority - least(10, floor(
				date_part('epoch', now() - c.due_at) * 1000 / ageing)) as rank
			from reportd.report_config c
			where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
				and c.owner = k.owner and c.source = k.source
				and c.priority = k.priority and c.trigger_type = k.trigger_type
				and c.due_at <= now() and (c.due_at, c.config_id) > (k.since, k.since_id)
				and (c.target is null or c.target = any (targets))
				-- Local files are here only when the daemon has their folders.
				and (c.local_paths is null or reportd.reaches_all(folders, c.local_paths))
			order by c.due_at, c.config_id
			limit k.most) d
	), placed as (
		select k.config_id, k.source_room, k.running, k.later,
			count(*) filter (where k.later) over w as later_place, row_number() over w as place,
			row_number() over (partition by k.source order by k.running + k.own_place,
				k.rank, k.later, k.due_at, k.config_id) as source_place
		from candidate k
		where k.owner_room is null or k.own_place <= k.owner_room
		window w as (order by k.running + k.own_place, k.rank, k.later, k.due_at, k.config_id
			rows unbounded preceding)
	)
	select k.config_id, k.place, k.running
	from placed k
	where (k.source_room is null or k.source_place <= k.source_room)
		and (not k.later or k.later_place <= later_most);
end $$;

-- The message to a worker, see sql/queue/claim.sql. A type, because the server writes a row as
-- JSON faster than it builds an object of as many arguments.
create type reportd.job as (
	request_id bigint, report_name text, attempt int, source text, export_sql text,
	parameters jsonb, output_format text, output_path text, output_options jsonb, time_zone text,
	scheduled_for text, utc_offset int, owner text, rare json
);

-- Returns the members of a job that few reports have, see sql/queue/claim.sql. operator:
-- whether the owner is one; last_run: the run before this one. It is a function so that claims
-- of all other reports need not prepare its queries.
create function reportd.rare_members(c reportd.report_config, operator boolean, last_run bigint)
returns json
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
	queue uuid;
	again boolean;
begin
	if c.target is not null then
		-- With the request it identifies a load in the target's ledger.
		queue := (select i.queue_id from reportd.queue_identity i);
	end if;
	-- An earlier run may have published the request's outputs, or left parts of them.
	again := c.attempt > 1
		or exists (select from reportd.report_run u
			where u.run_id = last_run and u.request_id = c.request_id)
		or exists (select from reportd.report_request q
			where q.request_id = c.request_id and q.run_id is not null);
	return json_build_object(
		'prep_sql', c.prep_sql,
		'result_sql', c.result_sql,
		'linked', case when c.links is not null then reportd.linked(c) end,
		'gate', case when c.checks is not null then reportd.gate(c) end,
		'inputs', case when c.inputs is not null then reportd.job_inputs(c) end,
		'batches', case when c.trigger_type = 'FILE' then true end,
		'read_by', case when c.inputs is not null then (select q.read_by
			from reportd.report_request q where q.request_id = c.request_id) end,
		'queue', queue,
		'again', again,
		-- An output_path of the row must lie where its owner may write. The default path
		-- is the operator's choice, but a name in it must not lead it to a place that is
		-- granted to others.
		'write_paths', case when not operator
			then to_json(reportd.granted_paths('write', c.owner)) end,
		'other_paths', case when not operator and c.output_path is null
			then to_json(reportd.other_paths(c.owner)) end,
		-- Data about the report that an output contains; a CSV contains none.
		'info', case when c.output_format <> 'CSV' then json_build_object(
			'author', c.created_by,
			'time', extract(epoch from statement_timestamp())::bigint,
			'time_text', to_char(
				reportd.local_time(statement_timestamp(), c.time_zone),
				'YYYY-MM-DD HH24:MI:SS')) end);
end $$;
