-- SPDX-License-Identifier: MIT
-- Files that go to archives and quarantines.

-- The files that are to be moved now and that the daemon can reach. A daemon asks for files
-- only when it has none in hand: of those that it took before, it has lost the claim or the end,
-- and takes them again 10 seconds after the claim, which has set move_at 10 minutes ahead.
create function reportd.due_moves(worker_id uuid) returns setof bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	select f.file_id from reportd.report_worker w
	cross join lateral (
		(select i.file_id, i.url from reportd.report_input i where i.move_at <= now()
		 order by i.move_at limit 200)
		union
		(select i.file_id, i.url from reportd.report_input i
		 where i.move_by is not null and reportd.is_gone(i.move_by) limit 200)
		union
		(select i.file_id, i.url from reportd.report_input i
		 where i.move_by = $1 and i.move_at <= now() + interval '590 seconds' limit 200)) f
	where w.worker_id = $1 and reportd.reaches(w.folders, f.url)
	limit 100
$$;

-- Returns files for a daemon to move, 100 at a time: files of one kind of place, and local
-- ones in the daemon's folders. A file that its owner may not move any more stays in its
-- place.
create function reportd.claim_moves(worker_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	taken jsonb;
begin
	with due as materialized (
		select f.file_id from reportd.report_input f
		where f.file_id in (select d from reportd.due_moves(claim_moves.worker_id) d)
			and (f.move_at <= now() + case when f.move_by = claim_moves.worker_id
					then interval '590 seconds' else interval '0' end
				or reportd.is_gone(f.move_by))
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
