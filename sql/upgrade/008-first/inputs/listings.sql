-- SPDX-License-Identifier: MIT
-- Listings of zones, files that go to archives, and what people call and see of inputs.

-- ---- listings ----

create function reportd.reaches(folders text[], path text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select $2 !~ '^/' or exists (select from unnest($1) f where starts_with($2, f))
$$;

-- Whether a daemon is gone.
create function reportd.is_gone(worker_id uuid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select not exists (select from reportd.report_worker w where w.worker_id = $1)
$$;

-- The zones that a daemon may list now, the oldest 20 of each owner, of whom first comes
-- whoever has the fewest under way: those that are due, and those whose listing has lost
-- its daemon.
create function reportd.due_zones(worker_id uuid)
returns table (zone_id bigint, turn bigint, list_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	with recursive owner as (
		(select z.owner from reportd.report_zone z order by z.owner limit 1)
		union all
		select (select z.owner from reportd.report_zone z where z.owner > o.owner
			order by z.owner limit 1)
		from owner o where o.owner is not null
	), daemon as (
		select w.folders from reportd.report_worker w where w.worker_id = $1
	), lost as (
		select z.zone_id, z.owner, '-infinity'::timestamptz as list_at
		from reportd.report_zone z cross join daemon d
		where z.listing_by is not null and reportd.is_gone(z.listing_by)
			and not (z.list_at <= now() and (z.listing_until <= now()) is not false)
			and reportd.reaches(d.folders, z.path)
		limit 100
	), due as (
		select f.zone_id, f.owner, f.list_at from owner o cross join daemon d
		cross join lateral (
			select z.zone_id, z.owner, z.list_at from reportd.report_zone z
			where z.owner = o.owner and z.list_at <= now()
				and (z.listing_until <= now()) is not false
				and reportd.reaches(d.folders, z.path)
			order by z.list_at limit 20) f
		union all
		select * from lost
	)
	select d.zone_id, row_number() over (partition by d.owner order by d.list_at, d.zone_id)
			+ (select count(*) from reportd.report_zone l
				where l.listing_by is not null and l.owner = d.owner
					and l.listing_until > now()),
		d.list_at
	from due d
$$;

-- The files that are to be moved now and that the daemon reaches.
create function reportd.due_moves(worker_id uuid) returns setof bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	select f.file_id from reportd.report_worker w
	cross join lateral (
		(select i.file_id, i.url from reportd.report_input i where i.move_at <= now()
		 order by i.move_at limit 200)
		union
		(select i.file_id, i.url from reportd.report_input i
		 where i.move_by is not null and reportd.is_gone(i.move_by) limit 200)) f
	where w.worker_id = $1 and reportd.reaches(w.folders, f.url)
	limit 100
$$;

-- Whether somebody waits for a zone.
create function reportd.zone_wanted(zone_id bigint) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select exists (select from reportd.report_input_use u
		join reportd.report_config c on c.config_id = u.config_id
		where u.zone_id = $1 and c.is_active and (c.trigger_type = 'FILE'
			or exists (select from reportd.report_request q
				where q.config_id = c.config_id and q.state = 'WAITING')))
$$;

-- Zones for a daemon to list.
create function reportd.claim_zones(worker_id uuid, wanted int, patience interval)
returns table (zone_id bigint, path text, listing_number bigint, readable jsonb)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	z reportd.report_zone;
	n int := 0;
begin
	for z in
		select k.* from reportd.due_zones(claim_zones.worker_id) d
		join reportd.report_zone k on k.zone_id = d.zone_id
		where (k.listing_until <= now()) is not false or reportd.is_gone(k.listing_by)
		order by d.turn, d.list_at for update of k skip locked
	loop
		exit when n >= wanted;
		if not exists (select from reportd.report_input_use u where u.zone_id = z.zone_id) then
			delete from reportd.report_zone k where k.zone_id = z.zone_id;
		elsif not reportd.zone_wanted(z.zone_id) then
			update reportd.report_zone k set list_at = 'infinity' where k.zone_id = z.zone_id;
		else
			update reportd.report_zone k
			set listing_by = claim_zones.worker_id, listing_until = now() + patience,
				list_at = now() + patience, listing_number = k.listing_number + 1,
				began_at = clock_timestamp(), looked = 0
			where k.zone_id = z.zone_id
			returning k.zone_id, k.path, k.listing_number
			into claim_zones.zone_id, claim_zones.path, claim_zones.listing_number;
			readable := reportd.readable_urls(z.owner, z.path);
			n := n + 1;
			return next;
		end if;
	end loop;
end $$;

-- Writes files of a page into the ledger of one use.
create function reportd.meet_files(u reportd.report_input_use, files jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	urls text[];
begin
	with page as materialized (
		select f.url, f.version, f.size, to_timestamp(f.modified / 1000.0) as modified, f.fault
		from jsonb_to_recordset(files) as f(url text, version text, size bigint,
			modified float8, fault text)
	), known as materialized (
		select k.file_id, k.state, k.seen_at, k.fault, p.url, p.version, p.size as new_size,
			p.fault as new_fault
		from page p
		cross join lateral (select i.file_id, i.state, i.seen_at, i.fault
			from reportd.report_input i
			where i.config_id = u.config_id and i.input = u.input
				and i.url = p.url and i.version = p.version offset 0) k
	), seen as (
		update reportd.report_input i
		set seen_at = now(), fault = case when i.state = 'NEW' and i.look_at <= now()
				then k.new_fault else i.fault end,
			-- A server may tell it later.
			size = case when i.state = 'NEW' then k.new_size else i.size end
		from known k
		where i.file_id = k.file_id and i.file_id = any (array(
			select l.file_id from reportd.report_input l
			where l.file_id in (select o.file_id from known o
				where o.state = 'NEW' or o.seen_at < now() - interval '1 hour'
					or u.spec ->> 'use' in ('latest', 'all'))
			for update skip locked))
	), added as (
		insert into reportd.report_input (config_id, input, url, version, size, modified_at, fault)
		select u.config_id, u.input, p.url, p.version, p.size, p.modified, p.fault
		from page p
		where not exists (select from known k where (k.url, k.version) = (p.url, p.version))
		on conflict do nothing
		returning url
	)
	select array_agg(a.url) into urls from added a;
	-- An older version that nobody has taken is not there any more.
	delete from reportd.report_input i
	where i.file_id = any (array(select k.file_id from unnest(urls) n(url)
		cross join lateral (select o.file_id from reportd.report_input o
			where o.config_id = u.config_id and o.input = u.input and o.url = n.url
				and o.state = 'NEW' and o.seen_at < now()
			for update skip locked) k));
end $$;

-- How long until something in a zone may have become quiet; null: nothing waits for that.
create function reportd.zone_wait(zone_id bigint) returns interval
language sql stable set search_path = pg_catalog, pg_temp as $$
	select min(greatest(q.at, now())) - now() from reportd.report_input_use u
	cross join lateral (select min(reportd.quiet_at(u.spec, f)) as at
		from reportd.report_input f
		where f.config_id = u.config_id and f.input = u.input and f.state = 'NEW'
			and reportd.quiet_at(u.spec, f) > f.seen_at) q
	where u.zone_id = $1 and q.at is not null
$$;

-- The end of a listing: what was not listed is gone, and reports look at the rest.
create function reportd.end_listing(z reportd.report_zone, rescan interval) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	n bigint;
begin
	delete from reportd.report_input i
	where i.file_id = any (array(select k.file_id from reportd.report_input_use u
		join reportd.report_input k on (k.config_id, k.input) = (u.config_id, u.input)
		where u.zone_id = z.zone_id and k.state = 'NEW' and k.seen_at < z.began_at
		for update of k skip locked));
	update reportd.report_zone k
	set listed_at = k.began_at, took = clock_timestamp() - k.began_at, files = k.looked,
		listing_by = null, listing_until = null, error = null, error_at = null,
		list_at = greatest(clock_timestamp() + greatest(9 * (clock_timestamp() - k.began_at),
				interval '1 second'),
			least(case when k.list_at < k.listing_until then k.list_at end,
				clock_timestamp() + rescan,
				clock_timestamp() + reportd.zone_wait(k.zone_id)))
	where k.zone_id = z.zone_id;
	insert into reportd.report_look (config_id, owner)
	select distinct c.config_id, c.owner from reportd.report_input_use u
	join reportd.report_config c on c.config_id = u.config_id
	where u.zone_id = z.zone_id and c.is_active
		and not exists (select from reportd.report_look l
			where l.config_id = u.config_id and l.request_id is null)
		and (exists (select from reportd.report_request q
				where q.config_id = c.config_id and q.state = 'WAITING')
			or c.trigger_type = 'FILE' and exists (select from reportd.report_input i
				where i.config_id = u.config_id and i.input = u.input and i.state = 'NEW'));
	get diagnostics n = row_count;
	if n > 0 then
		perform pg_notify('reportd_pending', '');
	end if;
end $$;

-- A page of a listing: [{"url", "version", "size", "modified", "fault"}]. Returns
-- whether the listing goes on; not when another one has begun meanwhile.
create function reportd.take_page(
	worker_id uuid, zone_id bigint, listing_number bigint, files jsonb, looked bigint,
	more boolean, error text, most bigint, rescan interval, patience interval
) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	z reportd.report_zone;
begin
	select * into z from reportd.report_zone k where k.zone_id = take_page.zone_id
		and k.listing_by = take_page.worker_id
		and k.listing_number = take_page.listing_number
	for update;
	if z.zone_id is null then
		return false;
	end if;
	perform reportd.meet_files(u, files) from reportd.report_input_use u
	join reportd.report_config c on c.config_id = u.config_id
	where u.zone_id = z.zone_id and files <> '[]' and c.is_active
		and reportd.may_read(c.owner, z.path, 'read');
	if error is null and z.looked + looked > most then
		error := format('it holds more than %s files: archive them, or read a folder with fewer (max_files in [inputs] of the settings)', most);
	end if;
	if error is not null then
		update reportd.report_zone k
		set error = left(take_page.error, 2000), error_at = now(), listing_by = null,
			listing_until = null, list_at = now() + greatest(rescan, interval '10 seconds')
		where k.zone_id = z.zone_id;
	elsif more then
		update reportd.report_zone k
		set looked = k.looked + take_page.looked, listing_until = now() + patience,
			list_at = case when k.list_at < k.listing_until then k.list_at
				else now() + patience end
		where k.zone_id = z.zone_id;
	else
		update reportd.report_zone k set looked = k.looked + take_page.looked
		where k.zone_id = z.zone_id;
		perform reportd.end_listing(z, rescan);
	end if;
	return more and error is null;
end $$;

-- ---- folders in which something arrives ----

-- Zones are found here by their folders and objects, however many there are: the
-- daemon waits for the answer, and so does all else that it asks the queue for.
create index report_zone_folder on reportd.report_zone (reportd.input_folder(path) collate "C");
create index report_zone_beginning on reportd.report_zone
	(split_part(split_part(path, '*', 1), '?', 1) collate "C");

create index report_zone_local on reportd.report_zone (owner, (reportd.input_folder(path) collate "C"))
	where reportd.input_folder(path) collate "C" between '/' and '0';

-- Whether a pattern has files in folders within its own.
create function reportd.goes_deeper(path text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select substr($1, length(reportd.input_folder($1)) + 1) ~ '/|\*\*'
$$;

-- A pattern for each local folder, the one that goes deepest, of the first 500: owners take
-- turns, so that none takes the room of another.
create function reportd.watched_paths(worker_id uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	with recursive owner as (
		(select z.owner from reportd.report_zone z order by z.owner limit 1)
		union all
		select (select z.owner from reportd.report_zone z where z.owner > o.owner
			order by z.owner limit 1)
		from owner o where o.owner is not null
	)
	select jsonb_agg(p.path) from (
		select (array_agg(f.path order by reportd.goes_deeper(f.path) desc, f.path))[1] as path
		from reportd.report_worker w cross join owner o
		cross join lateral (
			select d.folder, d.path, row_number() over (order by d.folder) as turn from (
				select distinct on (reportd.input_folder(z.path) collate "C")
					reportd.input_folder(z.path) collate "C" as folder, z.path
				from reportd.report_zone z
				where z.owner = o.owner and z.list_at < 'infinity'
					-- Zones of local folders, which begin with a slash.
					and reportd.input_folder(z.path) collate "C" between '/' and '0'
					and reportd.reaches(w.folders, z.path)
				order by reportd.input_folder(z.path) collate "C",
					reportd.goes_deeper(z.path) desc limit 500) d) f
		where w.worker_id = $1
		group by f.folder order by min(f.turn), f.folder limit 500) p
$$;

-- Has the zones of these folders listed soon. Returns how many are not, because another
-- transaction holds them: who tells must tell again.
create function reportd.wake_paths(paths jsonb) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
	select count(*) filter (where not w.woken) from (
		select reportd.wake_zone(z.zone_id) as woken from (
			select distinct reportd.input_folder(p) collate "C" as name
			from jsonb_array_elements_text($1) p) f
		join reportd.report_zone z on reportd.input_folder(z.path) collate "C" = f.name
		where z.list_at < 'infinity'
		limit 1000 offset 0) w
$$;

-- A message about an object names no file: it wakes the zones that the object may
-- belong to, those whose path begins, up to its first star, like the object. Their listings
-- find what is there. Returns what wake_paths() returns.
create function reportd.wake_objects(objects jsonb) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
	select count(*) filter (where not w.woken) from (
		select reportd.wake_zone(z.zone_id) as woken from (
			select distinct left(o.address, n) collate "C" as text
			from jsonb_array_elements_text($1) o (address)
			cross join generate_series(6, least(length(o.address), 1024)) n
			where starts_with(o.address, 's3://')) b
		join reportd.report_zone z
			on split_part(split_part(z.path, '*', 1), '?', 1) collate "C" = b.text
		where z.list_at < 'infinity'
		limit 1000 offset 0) w
$$;

-- ---- files that go to archives and quarantines ----

-- Files to be moved by a daemon, 100 at a time: those of one kind of place, and local ones
-- in its folders. What its owner may not move any more stays where it is.
create function reportd.claim_moves(worker_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	taken jsonb;
begin
	with due as materialized (
		select f.file_id from reportd.report_input f
		where f.file_id in (select d from reportd.due_moves(claim_moves.worker_id) d)
			and (f.move_at <= now() or reportd.is_gone(f.move_by))
		for update skip locked
	), one as (
		update reportd.report_input f
		set move_at = now() + interval '10 minutes', move_tries = f.move_tries + 1,
			move_by = claim_moves.worker_id
		where f.file_id in (select d.file_id from due d)
		returning f.*
	), placed as (
		select o.*, u.spec ->> o.move as folder, substr(o.url,
				length(reportd.input_folder(u.spec ->> 'path')) + 1) as name,
			-- A file that was met before the path changed lies elsewhere.
			reportd.may_read(c.owner, u.spec ->> 'path', 'write')
				and reportd.may_read(c.owner, o.url, 'write')
				and reportd.may_read(c.owner, u.spec ->> o.move, 'write') as may
		from one o
		left join reportd.report_input_use u on (u.config_id, u.input) = (o.config_id, o.input)
		left join reportd.report_config c on c.config_id = o.config_id
	)
	select jsonb_agg(jsonb_build_object('file_id', p.file_id, 'url', p.url,
		'version', p.version, 'size', p.size, 'to', p.folder || p.name,
		'otherwise', p.folder || regexp_replace(p.name, '([^/]*)$', p.file_id || '_\1'),
		'reason', case when p.move = 'quarantine' then jsonb_build_object('file', p.url,
			'reason', p.fault, 'config_id', p.config_id, 'input', p.input,
			'request_id', p.request_id, 'found_at', p.found_at)::text end)) into taken
	from placed p where p.folder is not null and p.may;
	return taken;
end $$;

create function reportd.record_moves(results jsonb) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	n bigint;
begin
	update reportd.report_input f
	set moved_to = coalesce(r.moved_to, f.moved_to), move_error = left(r.error, 2000),
		move_by = null,
		move_at = case when not r.over and f.move_tries < 20 then now()
			+ least(interval '10 seconds' * 2 ^ least(f.move_tries, 10), interval '1 hour') end
	from jsonb_to_recordset(results) as r(file_id bigint, over boolean, moved_to text, error text)
	where f.file_id = any (array(select k.file_id from reportd.report_input k
			where k.file_id in (select (s ->> 'file_id')::bigint
				from jsonb_array_elements(results) s)
			for update skip locked))
		and f.file_id = r.file_id and f.move_at is not null;
	get diagnostics n = row_count;
	return n;
end $$;

-- ---- what people call and see ----

create function reportd.check_input_files(
	c reportd.report_config, input text, url text, n bigint
) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	unmoved text;
begin
	if n > 0 then
		return;
	end if;
	select min(f.input) into unmoved from reportd.report_input f
	where f.config_id = c.config_id and f.state = 'FAILED' and f.moved_to is null
		and f.input = coalesce(check_input_files.input, f.input)
		and f.url = coalesce(check_input_files.url, f.url);
	if unmoved is not null then
		perform reportd.refuse(format('the input "%s" of report %s has no quarantine', unmoved, c.config_id),
			format('Give it one: "quarantine", a folder or prefix, in the inputs of report %s.', c.config_id));
	end if;
	perform reportd.refuse(
		format('report %s has no FAILED file%s%s that is still where it was found', c.config_id,
			coalesce(' of input "' || input || '"', ''), coalesce(' ' || url, '')),
		'See moved_to in reportd.v_inputs, or `reportctl inputs ID`.');
end $$;

create function reportd.release_input(
	config_id bigint, input text default null, url text default null
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	n bigint;
	refusal text;
	mend text;
begin
	c := reportd.find_report(config_id);
	update reportd.report_input f
	set state = 'NEW', fault = null, request_id = null, ended_at = null, found_at = now(),
		look_at = '-infinity', move = null, move_at = null, move_error = null
	where f.config_id = c.config_id and f.state = 'FAILED' and f.moved_to is null
		and f.input = coalesce(release_input.input, f.input)
		and f.url = coalesce(release_input.url, f.url);
	get diagnostics n = row_count;
	perform reportd.check_input_files(c, input, url, n);
	perform reportd.ask_look(c);
	return n;
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.release_input is
	'Lets FAILED files of a report be taken once more, by a new request: all, those of an input, or one. Returns how many.';

create function reportd.quarantine_input(
	config_id bigint, input text default null, url text default null
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	n bigint;
	refusal text;
	mend text;
begin
	c := reportd.find_report(config_id);
	update reportd.report_input f set move = 'quarantine', move_at = now(), move_tries = 0
	where f.config_id = c.config_id and f.state = 'FAILED' and f.moved_to is null
		and f.input = coalesce(quarantine_input.input, f.input)
		and f.url = coalesce(quarantine_input.url, f.url)
		and c.inputs -> f.input ? 'quarantine';
	get diagnostics n = row_count;
	perform reportd.check_input_files(c, input, url, n);
	return n;
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.quarantine_input is
	'Moves FAILED files of a report to the quarantine of their input. Returns how many.';

create view reportd.v_inputs with (security_barrier) as
select f.file_id, f.config_id, c.report_key, c.report_name, c.owner, f.input, f.url,
	f.version, f.size, f.modified_at, f.found_at, f.state,
	case when f.state <> 'NEW' then f.fault
		else coalesce(reportd.file_fault(u.spec, f), case
			when f.seen_at < reportd.quiet_at(u.spec, f) then 'it is not known yet to stay as it is'
			end) end as reason,
	f.request_id, f.ended_at, f.move, f.moved_to, f.move_error
from reportd.report_input f
join reportd.report_config c on c.config_id = f.config_id
left join reportd.report_input_use u on (u.config_id, u.input) = (f.config_id, f.input)
where (pg_has_role(c.owner, 'USAGE')
		or (select pg_has_role('reportd_viewer', 'USAGE')));
comment on view reportd.v_inputs is
	'The files that reports have met: which are NEW and why one is not taken, TAKEN by which request, DONE, FAILED, and where they went.';

create view reportd.v_zones with (security_barrier) as
select u.config_id, c.report_key, u.input, z.path, z.listed_at, z.took, z.files,
	case when z.list_at < 'infinity' then z.list_at end as list_at, z.error, z.error_at
from reportd.report_zone z
join reportd.report_input_use u on u.zone_id = z.zone_id
join reportd.report_config c on c.config_id = u.config_id
where (pg_has_role(c.owner, 'USAGE')
		or (select pg_has_role('reportd_viewer', 'USAGE')));
comment on view reportd.v_zones is
	'What is listed for the inputs of reports: when it was, how many files were there, and why it could not be.';

alter table reportd.report_zone enable row level security;
alter table reportd.report_input_use enable row level security;
alter table reportd.report_input enable row level security;
do $$
declare
	name text;
begin
	foreach name in array '{report_zone,report_input_use,report_input}'::text[] loop
		execute format('create policy daemon on reportd.%I to reportd_daemon using (true)', name);
	end loop;
end $$;
