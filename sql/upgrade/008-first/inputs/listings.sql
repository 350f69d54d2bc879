-- SPDX-License-Identifier: MIT
-- Listings of zones, and the arrivals that bring them forward.

create function reportd.reaches(folders text[], path text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select $2 !~ '^/' or exists (select from unnest($1) f where starts_with($2, f))
$$;

create function reportd.reaches_all(folders text[], paths text[]) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select not exists (select from unnest($2) p where not reportd.reaches($1, p))
$$;

-- Whether a daemon is gone.
create function reportd.is_gone(worker_id uuid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select not exists (select from reportd.report_worker w where w.worker_id = $1)
$$;

-- The zones that a daemon may list now: those that are due, and those whose listing has
-- lost its daemon. Each owner has its oldest 20; the owner with the fewest listings under
-- way comes first.
create function reportd.due_zones(worker_id uuid)
returns table (zone_id bigint, turn bigint, list_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	with owner as (
		select o as owner from reportd.owners_with('zone') o
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

-- Whether some report waits for a listing of the zone.
create function reportd.zone_wanted(zone_id bigint) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select exists (select from reportd.report_input_use u
		join reportd.report_config c on c.config_id = u.config_id
		where u.zone_id = $1 and c.is_active and (c.trigger_type = 'FILE'
			or exists (select from reportd.report_request q
				where q.config_id = c.config_id and q.state = 'WAITING')))
$$;

-- Returns zones for a daemon to list, and gives them to it. held: the zones that it lists
-- now. When the database has it as listing another zone, the daemon never got that zone or
-- could not tell its end, as a connection broke or an error ended the transaction: such a
-- zone is listed again, after 5 seconds.
create function reportd.claim_zones(worker_id uuid, wanted int, patience interval, held bigint[])
returns table (zone_id bigint, path text, listing_number bigint, readable jsonb)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	z reportd.report_zone;
	n int := 0;
begin
	update reportd.report_zone k
	set listing_by = null, listing_until = null, list_at = now() + interval '5 seconds'
	where k.zone_id in (select l.zone_id from reportd.report_zone l
		where l.listing_by = claim_zones.worker_id and l.zone_id <> all (held)
		for update skip locked);
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
			update reportd.report_zone k
			set list_at = 'infinity', listing_by = null, listing_until = null
			where k.zone_id = z.zone_id;
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

-- Writes the files of a page into the ledger, for one input of one report.
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
		select k.file_id, k.state, k.seen_at, p.url, p.version, p.size as new_size,
			p.modified as new_modified, p.fault as new_fault,
			-- It was replaced before it was read, and this listing, which began later, meets it.
			k.state = 'GONE' and k.ended_at < (select z.began_at from reportd.report_zone z
				where z.zone_id = u.zone_id) as is_back
		from page p
		cross join lateral (select i.file_id, i.state, i.seen_at, i.ended_at
			from reportd.report_input i
			where i.config_id = u.config_id and i.input = u.input
				and i.url = p.url and i.version = p.version offset 0) k
	), seen as (
		update reportd.report_input i
		set seen_at = now(), fault = case when i.state = 'NEW' and i.look_at <= now() or k.is_back
				then k.new_fault else i.fault end,
			-- A server may tell it later.
			size = case when i.state = 'NEW' then k.new_size else i.size end,
			-- The same bytes may have been put there once more.
			modified_at = k.new_modified,
			state = case when k.is_back then 'NEW' else i.state end,
			found_at = case when k.is_back then now() else i.found_at end,
			request_id = case when not k.is_back then i.request_id end,
			ended_at = case when not k.is_back then i.ended_at end
		from known k
		where i.file_id = k.file_id and i.file_id = any (array(
			select l.file_id from reportd.report_input l
			where l.file_id in (select o.file_id from known o
				where o.state = 'NEW' or o.is_back or o.seen_at < now() - interval '1 hour'
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

-- The time until some file in a zone may have become quiet; null: no file is awaited.
create function reportd.zone_wait(zone_id bigint) returns interval
language sql stable set search_path = pg_catalog, pg_temp as $$
	select min(greatest(q.at, now())) - now() from reportd.report_input_use u
	cross join lateral (select min(reportd.quiet_at(u.spec, f)) as at
		from reportd.report_input f
		where f.config_id = u.config_id and f.input = u.input and f.state = 'NEW'
			and reportd.quiet_at(u.spec, f) > f.seen_at) q
	where u.zone_id = $1 and q.at is not null
$$;

-- Ends a listing: files that it has not met are gone, and the reports look at the others.
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

-- Records a page of a listing: [{"url", "version", "size", "modified", "fault"}]. Returns
-- whether the listing goes on: it does not when another one has begun meanwhile.
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

-- Finds the zones of folders or objects quickly, however many zones there are: the daemon
-- waits for the answer, and all else that it asks of the queue waits with it.
create index report_zone_folder on reportd.report_zone (reportd.input_folder(path) collate "C");
create index report_zone_beginning on reportd.report_zone
	(split_part(split_part(path, '*', 1), '?', 1) collate "C");

create index report_zone_local on reportd.report_zone (owner, (reportd.input_folder(path) collate "C"))
	where reportd.input_folder(path) collate "C" between '/' and '0';

-- Says whether files of a pattern may lie in folders within its own folder.
create function reportd.goes_deeper(path text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select substr($1, length(reportd.input_folder($1)) + 1) ~ '/|\*\*'
$$;

-- Returns one pattern for each local folder, the one that reaches deepest, of the first 500
-- folders; owners take turns, so that no owner's folders displace those of another.
create function reportd.watched_paths(worker_id uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	select jsonb_agg(p.path) from (
		select (array_agg(f.path order by reportd.goes_deeper(f.path) desc, f.path))[1] as path
		from reportd.report_worker w
		cross join (select o as owner from reportd.owners_with('zone') o) o
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

-- Has the zones of these folders listed soon. Returns the number of zones that another
-- transaction holds: for these the caller must ask again.
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

-- A message about an object names no file. It wakes the zones that the object may belong
-- to: their path, up to its first star, is the beginning of the object's address. Their
-- listings find the files. Returns the same as wake_paths().
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
