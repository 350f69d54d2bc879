-- SPDX-License-Identifier: MIT
-- The use of files: which reports read which zones, which files are whole, and which request takes
-- them.

-- A FILE report takes up new files; each request writes a file of its own.
create function reportd.check_file_trigger(new reportd.report_config) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if not exists (select from jsonb_each(new.inputs) i
		where coalesce(i.value ->> 'use', 'new') = 'new' and not i.value ? 'items') then
		perform reportd.refuse(
			format('report "%s" is FILE without an input of new files', new.report_name),
			'Write inputs => ''{"orders": "s3://landing/orders/*.csv"}''.');
	elsif new.run_after is not null then
		perform reportd.refuse(
			format('report "%s" is FILE and has run_after', new.report_name),
			'Let a report with trigger_type AFTER run after both, or leave run_after out.');
	elsif new.output_path is not null and strpos(new.output_path, '{request_id}') = 0
		and new.output_path !~ '^table:' and new.export_sql is not null then
		perform reportd.refuse(
			format('output_path "%s" of a FILE report lacks {request_id}', new.output_path),
			'Each batch of files is a request of its own and would replace the output of the one before: write for example {report_name}_{request_id}.{ext}.');
	end if;
end $$;

-- ---- zones and uses follow report_config ----

-- A daemon looks at a report whose inputs are new or changed.
create function reportd.inputs_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	if tg_op = 'INSERT' and new.trigger_type = 'ADHOC' then
		insert into reportd.report_request (config_id, owner, reason, requested_by,
			scheduled_for, parameters, state, deadline)
		values (new.config_id, new.owner, 'submit', new.created_by, new.scheduled_for,
			new.run_parameters, 'WAITING', now() + reportd.wait_time(new));
	end if;
	perform reportd.ask_look(new);
	return null;
end $$;
create trigger e_inputs_insert after insert on reportd.report_config
	for each row when (new.inputs is not null)
	execute function reportd.inputs_changed();
create trigger e_inputs_update after update of inputs, is_active, trigger_type, owner
	on reportd.report_config
	for each row when ((old.inputs is not null or new.inputs is not null)
		and (old.inputs, old.is_active, old.trigger_type, old.owner)
			is distinct from (new.inputs, new.is_active, new.trigger_type, new.owner))
	execute function reportd.inputs_changed();

create function reportd.inputs_gone() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	delete from reportd.report_input_use u where u.config_id = old.config_id;
	delete from reportd.report_input i where i.config_id = old.config_id;
	delete from reportd.report_look l where l.config_id = old.config_id;
	return null;
end $$;
create trigger e_inputs_delete after delete on reportd.report_config
	for each row when (old.inputs is not null)
	execute function reportd.inputs_gone();

-- When a zone may be listed next: listings take at most a tenth of the time, however often somebody
-- asks for one.
create function reportd.soonest(z reportd.report_zone) returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp as $$
	select greatest(now(), z.listed_at + greatest(9 * z.took, interval '1 second'))
$$;

-- Has a zone listed soon. False: another transaction holds the zone; its listing may be over
-- without having met the new file, so the caller must ask again.
create function reportd.wake_zone(zone_id bigint) returns boolean
language sql set search_path = pg_catalog, pg_temp as $$
	with woken as (
		update reportd.report_zone z set list_at = reportd.soonest(z)
		where z.zone_id = any (array(select k.zone_id from reportd.report_zone k
			where k.zone_id = $1 and k.list_at > reportd.soonest(k)
			for update skip locked))
		returning z.zone_id
	)
	select exists (select from woken) or not exists (select from reportd.report_zone k
		where k.zone_id = $1 and k.list_at > reportd.soonest(k))
$$;

create function reportd.sync_inputs(c reportd.report_config) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	i record;
	zone bigint;
begin
	delete from reportd.report_input_use u using reportd.report_zone z
	where u.config_id = c.config_id and z.zone_id = u.zone_id
		and (u.spec is distinct from c.inputs -> u.input or z.owner <> c.owner);
	for i in
		select k.key as input, k.value as spec from jsonb_each(c.inputs) k
		where not k.value ? 'items' and not exists (select from reportd.report_input_use u
			where u.config_id = c.config_id and u.input = k.key)
		order by k.value ->> 'path'
	loop
		-- The transaction that holds this row keeps the zone from being listed: a listing
		-- that begins later meets files for this use, too.
		insert into reportd.report_zone as z (owner, path) values (c.owner, i.spec ->> 'path')
		on conflict on constraint report_zone_owner_path_key
			do update set list_at = least(z.list_at, reportd.soonest(z))
		returning z.zone_id into zone;
		insert into reportd.report_input_use (config_id, input, zone_id, spec, since)
		values (c.config_id, i.input, zone, i.spec, clock_timestamp());
		-- A file that was not whole by the old spec may be whole by the new one.
		update reportd.report_input f set look_at = '-infinity'
		where f.config_id = c.config_id and f.input = i.input and f.state = 'NEW'
			and f.look_at > now();
	end loop;
	if zone is null and c.trigger_type = 'FILE' and c.is_active then
		perform reportd.wake_zone(z.zone_id) from reportd.report_input_use u
		join reportd.report_zone z on z.zone_id = u.zone_id
		where u.config_id = c.config_id and z.list_at = 'infinity';
	end if;
end $$;

-- ---- which files are whole, and whose they become ----

-- The next three are asked for each of many files. In PL/pgSQL the session keeps their plans; a
-- function of SQL with a pinned path would be planned in each statement and set up for each row.
create function reportd.input_time(spec jsonb, key text, path_is_local interval, other interval)
returns interval
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return coalesce((spec ->> key)::interval,
		case when spec ->> 'path' ~ '^/' then path_is_local else other end);
end $$;

-- A file is quiet when a listing has found it unchanged after this time.
create function reportd.quiet_at(spec jsonb, f reportd.report_input) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return greatest(f.look_at,
		f.found_at + reportd.input_time(spec, 'stable_for', '5 seconds', '0'));
end $$;

-- The reason why a file is not whole; null: it is whole.
create function reportd.file_fault(spec jsonb, f reportd.report_input) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return case when f.fault is not null then f.fault
		when f.size = 0 then 'it has no bytes'
		when f.size < (spec ->> 'min_size')::bigint
			then format('it has %s bytes; min_size is %s', f.size, spec ->> 'min_size')
		when f.modified_at < now() - (spec ->> 'max_age')::interval
			then format('it is of %s, older than %s', to_char(f.modified_at at time zone 'UTC',
				'YYYY-MM-DD HH24:MI:SS "UTC"'), spec ->> 'max_age')
		end;
end $$;

-- Gives up files that have been wrong for the time reject_after.
create function reportd.reject_files(config_id bigint, input text, spec jsonb) returns void
language sql set search_path = pg_catalog, pg_temp as $$
	update reportd.report_input f
	set state = 'FAILED', fault = reportd.file_fault($3, f), ended_at = now(),
		move = case when $3 ? 'quarantine' then 'quarantine' end,
		move_at = case when $3 ? 'quarantine' then now() end
	where f.file_id = any (array(select k.file_id from reportd.report_input k
			where k.config_id = $1 and k.input = $2 and k.state = 'NEW'
				and k.found_at < now() - reportd.input_time($3, 'reject_after', '1 hour', '1 hour')
				and reportd.file_fault($3, k) is not null
			limit 1000 for update skip locked))
$$;

-- How many files of an input a request reads at most.
create function reportd.batch_limit(spec jsonb) returns int
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select case when $1 ->> 'use' = 'all' then 1000 else coalesce(($1 ->> 'batch')::int, 1000) end
$$;

-- The whole new files of an input, the oldest first.
create function reportd.whole_files(config_id bigint, input text, spec jsonb) returns bigint[]
language sql set search_path = pg_catalog, pg_temp as $$
	select array(select f.file_id from reportd.report_input f
		where f.config_id = $1 and f.input = $2 and f.state = 'NEW'
			and f.seen_at >= reportd.quiet_at($3, f) and reportd.file_fault($3, f) is null
		order by f.modified_at, f.url
		limit reportd.batch_limit($3)
		for update skip locked)
$$;

-- The files that the last listing has met, the newest version of each; wrong: why one is not whole;
-- quiet: whether it is known to stay as it is. most: how many rows of the ledger are looked at; null:
-- all.
create function reportd.listed_files(config_id bigint, input text, spec jsonb, most int)
returns table (file_id bigint, url text, modified_at timestamptz, wrong text, quiet boolean)
language sql stable set search_path = pg_catalog, pg_temp as $$
	select distinct on (k.url) k.file_id, k.url, k.modified_at, reportd.file_fault($3, k),
		k.seen_at >= reportd.quiet_at($3, k)
	from (select f.* from reportd.report_input f
		join reportd.report_input_use u on (u.config_id, u.input) = (f.config_id, f.input)
		join reportd.report_zone z on z.zone_id = u.zone_id
		where f.config_id = $1 and f.input = $2 and f.state <> 'GONE' and f.moved_to is null
			and f.seen_at >= z.listed_at and z.listed_at >= u.since
		limit $4) k
	order by k.url, k.seen_at >= reportd.quiet_at($3, k) desc, k.found_at desc, k.file_id desc
$$;

-- Files that other requests may read as well: all files that are listed, or the latest one. When
-- the latest one is not whole, no older one takes its place: the report would be made of old rows
-- without anybody's knowledge. Of all files none is left out here for their number: a run of more
-- than it may read fails, see input_words().
create function reportd.shared_files(config_id bigint, input text, spec jsonb) returns bigint[]
language sql stable set search_path = pg_catalog, pg_temp as $$
	select array(select l.file_id from (
		select f.* from reportd.listed_files($1, $2, $3, null) f
		where f.quiet and (f.wrong is null or $3 ->> 'use' = 'latest')
		order by f.modified_at desc, f.url desc
		limit case $3 ->> 'use' when 'latest' then 1 end) l
		where l.wrong is null)
$$;

-- The new files that a request could take, by input: {"NAME": [file_id, …]}; null: a required input
-- has no new file, or no input has one.
create function reportd.new_batch(c reportd.report_config) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	u reportd.report_input_use;
	ids bigint[];
	batch jsonb := '{}';
	found_some boolean := false;
begin
	for u in
		select * from reportd.report_input_use k
		where k.config_id = c.config_id and coalesce(k.spec ->> 'use', 'new') = 'new'
		order by k.input
	loop
		ids := reportd.whole_files(u.config_id, u.input, u.spec);
		if ids = '{}' and coalesce((u.spec ->> 'required')::boolean, true) then
			return null;
		end if;
		found_some := found_some or ids <> '{}';
		batch := batch || jsonb_build_object(u.input, to_jsonb(ids));
	end loop;
	return case when found_some then batch end;
end $$;

-- The files of a request from inputs that others may read as well; null: a required input has none.
create function reportd.other_files(c reportd.report_config) returns bigint[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	u reportd.report_input_use;
	ids bigint[];
	all_ids bigint[] := '{}';
begin
	for u in
		select * from reportd.report_input_use k
		where k.config_id = c.config_id and k.spec ->> 'use' in ('latest', 'all')
	loop
		ids := reportd.shared_files(u.config_id, u.input, u.spec);
		if ids = '{}' and coalesce((u.spec ->> 'required')::boolean, true) then
			return null;
		end if;
		all_ids := all_ids || ids;
	end loop;
	return all_ids;
end $$;

create function reportd.give_files(request_id bigint, batch jsonb) returns void
language sql set search_path = pg_catalog, pg_temp as $$
	update reportd.report_input f set state = 'TAKEN', request_id = $1, fault = null
	where f.file_id in (select i::bigint from jsonb_each($2) b
		cross join jsonb_array_elements_text(b.value) i)
$$;

-- Makes requests of a FILE report for the whole new files, each with its batch. Returns when to
-- look again; null: when there is something new.
create function reportd.open_batches(c reportd.report_config) returns interval
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	batch jsonb;
	others bigint[];
	id bigint;
	opened int := 0;
	more_come boolean := false;
begin
	perform reportd.reject_files(u.config_id, u.input, u.spec)
	from reportd.report_input_use u where u.config_id = c.config_id;
	if not c.is_active then
		return null;
	end if;
	loop
		batch := reportd.new_batch(c);
		exit when batch is null;
		others := reportd.other_files(c);
		exit when others is null;
		if reportd.schedule_room(c.owner) < 1 then
			return interval '5 seconds';
		end if;
		insert into reportd.report_request (config_id, owner, reason, requested_by,
			scheduled_for, state, files)
		values (c.config_id, c.owner, 'file', 'reportd', now(), 'QUEUED', others)
		returning request_id into id;
		perform reportd.give_files(id, batch);
		opened := opened + 1;
		-- The statement must end in time, or its time limit undoes every batch, each time.
		more_come := opened = 100 or clock_timestamp() - statement_timestamp() > interval '100 ms';
		exit when more_come;
	end loop;
	if opened > 0 then
		update reportd.report_config r set requests_wait = true
		where r.config_id = c.config_id;
		perform reportd.follow(c.config_id);
	end if;
	return case when more_come then interval '0' end;
end $$;

-- The time from which listings count for a request: when the request was made and the last of its
-- parents, which may have made the files, has ended. parents: {"PARENT": REQUEST}
create function reportd.files_since(q reportd.report_request, parents jsonb)
returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp as $$
	select greatest($1.requested_at, (select max(r.ended_at) from jsonb_each_text($2) p
		join reportd.report_request r on r.request_id = p.value::bigint))
$$;

-- The other requests that have taken what a request came for: in each required input, files that
-- were found since the first of its parents began, or since the request was made. Null: an input
-- has no such files, or may still get new ones. With "batch": 1 each request waits for its own file.
create function reportd.files_went(
	c reportd.report_config, q reportd.report_request, parents jsonb
) returns bigint[]
language sql stable set search_path = pg_catalog, pg_temp as $$
	with since as (
		select coalesce(min(coalesce(u.started_at, p.requested_at)), $2.requested_at) as at
		from jsonb_each_text($3) k
		join reportd.report_request p on p.request_id = k.value::bigint
		left join reportd.report_run u on u.run_id = p.run_id
	), other as (
		select r.request_id from reportd.report_request r, since s
		where r.config_id = $1.config_id and r.request_id <> $2.request_id
			and r.files is not null and coalesce(r.ended_at, 'infinity') >= s.at
		order by r.request_id desc limit 100
	)
	select array_agg(distinct i) from (
		select array(select o.request_id from other o, since s
			where exists (select from reportd.report_input f
				where f.request_id = o.request_id and f.config_id = $1.config_id
					and f.input = u.input and f.found_at >= s.at)) as ids, u.spec,
			exists (select from reportd.report_input f where f.config_id = $1.config_id
				and f.input = u.input and f.state = 'NEW') as more
		from reportd.report_input_use u
		where u.config_id = $1.config_id and coalesce(u.spec ->> 'use', 'new') = 'new'
			and coalesce((u.spec ->> 'required')::boolean, true)) went
	left join lateral unnest(went.ids) i on true
	having bool_and(i is not null and not went.more
		and (went.spec ->> 'batch') is distinct from '1')
$$;

-- Fixes the files of a request that waits, once its zones were listed after the request was made
-- and its parents have ended; it gets none when other requests have read those that came. False:
-- it must wait longer.
create function reportd.take_inputs(
	c reportd.report_config, q reportd.report_request, parents jsonb
) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	batch jsonb;
	others bigint[];
	went bigint[];
	asked timestamptz := reportd.files_since(q, parents);
begin
	perform reportd.reject_files(u.config_id, u.input, u.spec)
	from reportd.report_input_use u where u.config_id = c.config_id;
	if exists (select from reportd.report_input_use u
		join reportd.report_zone z on z.zone_id = u.zone_id
		where u.config_id = c.config_id
			and (z.listed_at >= greatest(asked, u.since)) is not true) then
		perform reportd.wake_zone(u.zone_id) from reportd.report_input_use u
		where u.config_id = c.config_id;
		return false;
	end if;
	if exists (select from reportd.report_input_use u
		where u.config_id = c.config_id and coalesce(u.spec ->> 'use', 'new') = 'new') then
		batch := reportd.new_batch(c);
		if batch is null and exists (select from reportd.report_input_use u
			where u.config_id = c.config_id and coalesce(u.spec ->> 'use', 'new') = 'new'
				and coalesce((u.spec ->> 'required')::boolean, true)) then
			went := reportd.files_went(c, q, parents);
			if went is null or exists (select from reportd.report_request r
				where r.request_id = any (went) and r.outcome is distinct from 'COMPLETED') then
				return false;
			end if;
			update reportd.report_request r
			set files = '{}', read_by = (select max(w) from unnest(went) w)
			where r.request_id = q.request_id;
			return true;
		end if;
	end if;
	others := reportd.other_files(c);
	if others is null then
		return false;
	end if;
	update reportd.report_request r set files = others, read_by = null
	where r.request_id = q.request_id;
	perform reportd.give_files(q.request_id, coalesce(batch, '{}'));
	return true;
end $$;

-- The files that a request waits for, as the end of a sentence.
create function reportd.awaited_files(c reportd.report_config, q reportd.report_request)
returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	u record;
	said text[] := '{}';
	fault text;
	parents jsonb := case when q.reason = 'run_now' then '{}' when c.inputs is not null
		then reportd.satisfied_by(c, q, reportd.clocks_of(c)) end;
	asked timestamptz := reportd.files_since(q, parents);
	went bigint[] := case when parents is not null then reportd.files_went(c, q, parents) end;
begin
	for u in
		select k.*, z.path, z.listed_at, z.error from reportd.report_input_use k
		join reportd.report_zone z on z.zone_id = k.zone_id
		where k.config_id = c.config_id order by k.input
	loop
		if u.error is not null then
			said := said || format('input "%s": %s cannot be listed: %s', u.input, u.path, u.error);
		elsif (u.listed_at >= greatest(asked, u.since)) is not true then
			said := said || format('input "%s": %s to be listed%s', u.input, u.path,
				case when not exists (select from reportd.report_worker w
						where reportd.reaches(w.folders, u.path))
					then '; no daemon that runs has its folder in folders of [inputs]' else '' end);
		elsif coalesce((u.spec ->> 'required')::boolean, true) then
			fault := (select reportd.file_fault(u.spec, f) || ' (' || f.url || ')'
				from reportd.report_input f
				where f.config_id = u.config_id and f.input = u.input and f.state = 'NEW'
					and reportd.file_fault(u.spec, f) is not null limit 1);
			said := said || format('input "%s": a whole %sfile at %s%s', u.input,
				case when coalesce(u.spec ->> 'use', 'new') = 'new' then 'new ' else '' end,
				u.path, coalesce('; one there is not: ' || fault, ''));
		end if;
	end loop;
	if went is not null and said <> '{}' then
		said := said || (select format('request %s, which has taken what came and %s', r.request_id,
				case when r.outcome is null then 'has not ended'
					else 'is ' || r.outcome || ': `reportctl retry ' || c.config_id
						|| ' --request ' || r.request_id || '` runs it again' end)
			from reportd.report_request r
			where r.request_id = any (went) and r.outcome is distinct from 'COMPLETED'
			order by r.request_id limit 1);
	elsif c.inputs is not null and said = '{}' then
		said := array['its inputs to be listed'];
	end if;
	return nullif(array_to_string(said, '; '), '');
end $$;
