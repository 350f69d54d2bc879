-- SPDX-License-Identifier: MIT
-- The turn of a daemon: what follows from reports that have ended is done in small parts, between
-- its other statements, and the owners in an order drawn anew for each part.

-- The owners who have something of a kind to do: ends of parents to spread, reports to look at,
-- requests that wait, or zones of files. Reads one entry of an index per owner. Owners take turns,
-- so that none waits until another's thousands are done.
create function reportd.owners_with(what text) returns setof oid
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	next_one oid := 0;
	one oid;
begin
	loop
		one := case what
			when 'spread' then (select r.owner from reportd.report_request r
				where r.opens and r.owner >= next_one order by r.owner limit 1)
			when 'look' then (select k.owner from reportd.report_look k
				where k.owner >= next_one order by k.owner limit 1)
			when 'wait' then (select r.owner from reportd.report_request r
				where r.state = 'WAITING' and r.owner >= next_one order by r.owner limit 1)
			when 'zone' then (select z.owner from reportd.report_zone z
				where z.owner >= next_one order by z.owner limit 1)
			end;
		exit when one is null;
		return next one;
		next_one := (one::bigint + 1)::oid;
	end loop;
end $$;

-- A run by hand opens no other report unless that was asked for.
create function reportd.opens_others(q reportd.report_request) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select $1.reason <> 'run_now' or $1.cascades
$$;

-- Writes a row of report_look for each report that follows a completed request or waits
-- for one.
create function reportd.spread_opens(most int) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	q reportd.report_request;
	n bigint;
	last bigint;
	total bigint := 0;
begin
	for q in
		select r.* from (select w as owner from reportd.owners_with('spread') w order by random()) o
		cross join lateral (
			select r.* from reportd.report_request r
			where r.opens and r.owner = o.owner order by r.request_id limit 20
			for update skip locked) r
		limit 20
	loop
		exit when total >= most;
		with one as materialized (
			select d.child_id from reportd.report_dependency d
			where d.parent_id = q.config_id and d.child_id > coalesce(q.opened_to, 0)
			order by d.child_id limit most
		), asked as (
			insert into reportd.report_look (config_id, owner, request_id)
			select c.config_id, c.owner, q.request_id
			from one join reportd.report_config c on c.config_id = one.child_id
			where c.trigger_type = 'AFTER' and reportd.opens_others(q)
				or exists (select from reportd.report_request w
					where w.config_id = c.config_id and w.state = 'WAITING')
		)
		select count(*), max(one.child_id) into n, last from one;
		update reportd.report_request r
		set opens = n = most, opened_to = case when n = most then last end
		where r.request_id = q.request_id;
		total := total + n;
	end loop;
	return total;
end $$;

-- Opens, releases and ends waiting requests for some milliseconds; then claims and
-- finishes of the daemon, which use the same connection, have their turn, and it is
-- called again at once. Rows that another session has locked are left for later: a row of
-- report_look, or the deadline, brings each of them back. A report that cannot be looked
-- at fails alone.
create function reportd.take_steps(
	worker_id uuid, out released bigint, out ended bigint, out more boolean
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	most constant int := 100;
	slice constant interval := '5 ms';
	spread bigint := reportd.spread_opens(most);
	seen int := 0;
	l record;
	later interval;
	one record; -- what release() did
begin
	released := 0;
	ended := 0;
	for l in
		select k.* from (select w as owner from reportd.owners_with('look') w order by random()) o
		cross join lateral (
			-- An owner who locks thousands of reports holds up the rest of its own alone.
			select k.look_id, k.request_id, k.since, c.row
			from (select h.look_id, h.look_at, h.config_id from reportd.report_look h
				where h.owner = o.owner and h.look_at <= clock_timestamp()
				order by h.look_at, h.look_id limit 10 * most) w
			cross join lateral (
				select c as row from reportd.report_config c where c.config_id = w.config_id
				for update skip locked) c
			cross join lateral (
				select h.look_id, h.request_id, h.since from reportd.report_look h
				where h.look_id = w.look_id for update skip locked) k
			order by w.look_at, w.look_id limit most) k
	loop
		seen := seen + 1;
		later := null;
		one := null;
		begin
			-- A look from the beginning stands for all that were asked for before it.
			delete from reportd.report_look k
			where l.since = 0 and k.config_id = (l.row).config_id and k.look_id <> l.look_id
				and k.look_at <= clock_timestamp()
				and (k.request_id is null or (l.row).trigger_type <> 'AFTER');
			if l.request_id is not null and (l.row).trigger_type = 'AFTER'
				and not reportd.open_child(l.row, l.request_id) then
				later := '5 seconds';
			end if;
			if (l.row).inputs is not null then
				perform reportd.sync_inputs(l.row);
			end if;
			if (l.row).trigger_type = 'FILE' then
				later := reportd.open_batches(l.row);
			end if;
			select * into one from reportd.release((l.row).config_id, l.since);
			released := released + one.released;
		exception when others then
			raise warning 'report %: what waits of it cannot be looked at: %',
				(l.row).config_id, sqlerrm;
			later := '1 minute';
		end;
		if one.last is not null then
			update reportd.report_look k set since = one.last where k.look_id = l.look_id;
		elsif later is null then
			delete from reportd.report_look k where k.look_id = l.look_id;
		else
			update reportd.report_look k set look_at = clock_timestamp() + later, since = 0
			where k.look_id = l.look_id;
		end if;
		exit when clock_timestamp() - statement_timestamp() > slice;
	end loop;
	for l in
		select w.* from (select w as owner from reportd.owners_with('wait') w order by random()) o
		cross join lateral (
			select q, c.row from reportd.report_request q
			cross join lateral (
				select c as row from reportd.report_config c where c.config_id = q.config_id
				for update skip locked) c
			where q.state = 'WAITING' and q.owner = o.owner and q.deadline <= now()
				-- A request that was released in this call is looked at in its new state.
				and not exists (select from reportd.report_look k
					where k.config_id = q.config_id and k.look_at <= now())
			order by q.deadline limit most) w
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
		exit when clock_timestamp() - statement_timestamp() > slice;
	end loop;
	more := spread > 0 or seen > 0 or ended > 0;
end $$;
