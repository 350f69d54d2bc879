-- SPDX-License-Identifier: MIT
-- The files of a request with its run, and at its end.

-- Returns the end of a sentence, for an error of a request that took several files: they have
-- failed together.
create function reportd.batch_advice(request_id bigint) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
	select case when count(*) > 1 then format(
		'; its %s files failed together: `"batch": 1` in inputs finds the one', count(*))
		else '' end
	from reportd.report_input f where f.request_id = $1
$$;

create function reportd.files_ended() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	if new.state <> 'ENDED' then
		-- The request is tried again, with the files that are still there.
		update reportd.report_input f
		set state = 'TAKEN', fault = null, ended_at = null, move = null, move_at = null
		where f.request_id = new.request_id and f.state = 'FAILED' and f.moved_to is null;
		return null;
	end if;
	update reportd.report_input f
	set state = case new.outcome when 'COMPLETED' then 'DONE' else 'FAILED' end,
		ended_at = now(), fault = case when new.outcome <> 'COMPLETED'
			then coalesce(new.error_message, lower(new.outcome)) || case new.outcome
				when 'FAILED' then reportd.batch_advice(new.request_id) else '' end end,
		move = case when a.archives then 'archive' end,
		move_at = case when a.archives then now() end
	from (select k.file_id, new.outcome = 'COMPLETED' and coalesce(u.spec ? 'archive', false)
			as archives
		from reportd.report_input k
		left join reportd.report_input_use u on (u.config_id, u.input) = (k.config_id, k.input)
		where k.request_id = new.request_id and k.state = 'TAKEN') a
	where f.file_id = a.file_id;
	-- Another request may wait for these files.
	perform reportd.ask_look(c) from reportd.report_config c
	where c.config_id = new.config_id and exists (select from reportd.report_request r
		where r.config_id = new.config_id and r.state = 'WAITING');
	return null;
end $$;
create trigger files_ended after update of state on reportd.report_request
	for each row when (new.files is not null and (old.state = 'ENDED') <> (new.state = 'ENDED'))
	execute function reportd.files_ended();

-- Files that a run did not use: [[file_id, kind, reason], …]. TORN: not whole: a version that
-- replaces it is waited for, and the file is looked at once more before it is given up, because a
-- coarse clock may give two contents the same version. WRONG: it is given up at once. GONE: the
-- file that replaced it comes as a new version. BACK: it is given back untouched.
create function reportd.set_files_aside(run_id bigint, config_id bigint, aside jsonb)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	id bigint := (select r.request_id from reportd.report_run r
		where r.run_id = set_files_aside.run_id and r.config_id = set_files_aside.config_id);
	c reportd.report_config;
begin
	update reportd.report_input f
	set state = case when a.kind = 'GONE' then 'GONE' when a.late then 'FAILED' else 'NEW' end,
		fault = nullif(a.reason, ''),
		request_id = case when a.kind = 'GONE' or a.late then id end,
		look_at = case when a.kind = 'TORN' then a.last_look else f.look_at end,
		ended_at = case when a.kind = 'GONE' or a.late then now() end,
		move = case when a.late and a.spec ? 'quarantine' then 'quarantine' end,
		move_at = case when a.late and a.spec ? 'quarantine' then now() end
	from (select k.file_id, s ->> 1 as kind, left(s ->> 2, 2000) as reason, u.spec, l.last_look,
			s ->> 1 = 'WRONG' or s ->> 1 = 'TORN' and l.last_look < now() as late
		from jsonb_array_elements(aside) s
		join reportd.report_input k on k.file_id = (s ->> 0)::bigint
			and k.config_id = set_files_aside.config_id
		left join reportd.report_input_use u on (u.config_id, u.input) = (k.config_id, k.input)
		cross join lateral (select k.found_at + reportd.input_time(
			u.spec, 'reject_after', '1 hour', '1 hour') as last_look) l) a
	where f.file_id = a.file_id;
	select * into c from reportd.report_config r where r.config_id = set_files_aside.config_id;
	-- Files that other reports may read as well are chosen anew.
	update reportd.report_request q set files = coalesce(reportd.other_files(c), '{}')
	where q.request_id = id and q.files && array(select (s ->> 0)::bigint
		from jsonb_array_elements(aside) s);
	perform reportd.wake_zone(u.zone_id) from reportd.report_input_use u
	where u.config_id = c.config_id;
end $$;

-- Says which files of an input a run does not read. fault: why the run must fail, as it would read
-- a part of the files only; remark: the files that are left out, or left to the next request. Null:
-- there is nothing to say.
create function reportd.input_words(
	c reportd.report_config, input text, spec jsonb, out fault text, out remark text
) language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
	most int;
	-- A claim, which all reports wait for, must not look at each file of a large folder.
	enough constant int := 200;
	fixed bigint[];
	n bigint;
	one text;
begin
	if spec ->> 'use' = 'all' then
		most := reportd.batch_limit(spec);
		fixed := (select q.files from reportd.report_request q where q.request_id = c.request_id);
		select count(*) into n from reportd.report_input f
		where f.config_id = c.config_id and f.input = input_words.input and f.file_id = any (fixed);
		if n > most then
			fault := format('%s files are there, and a request reads %s at most: write a narrower path or max_age, or move away those that are not needed; then ask for a new run (reportctl run%s)',
				n, most, case c.trigger_type when 'FILE'
					then '; reportctl inputs --release for the new files that came with it' else '' end);
			return;
		end if;
		select count(*), min(format('%s: %s', f.url, coalesce(f.wrong, 'it is not known yet to stay as it is')))
		into n, one
		from reportd.listed_files(c.config_id, input_words.input, spec,
			coalesce(cardinality(fixed), 0) + enough) f
		where (f.wrong is not null or not f.quiet) and f.file_id <> all (fixed);
		remark := case when n > 0 then format('%s%s of input "%s" left out: %s',
			case when n >= enough then 'at least ' else '' end, reportd.counted(n, 'file'), input, one)
			end;
	elsif c.trigger_type <> 'FILE' and coalesce(spec ->> 'use', 'new') = 'new' then
		most := reportd.batch_limit(spec);
		select count(*) into n from reportd.report_input f
		where f.request_id = c.request_id and f.config_id = c.config_id
			and f.input = input_words.input and f.state = 'TAKEN';
		if n >= most then
			select count(*) into n from (select f.* from reportd.report_input f
				where f.config_id = c.config_id and f.input = input_words.input and f.state = 'NEW'
					and f.fault is null
				order by f.modified_at, f.url limit enough) f
			where f.seen_at >= reportd.quiet_at(spec, f) and reportd.file_fault(spec, f) is null;
			remark := case when n > 0 then format('%s%s of input "%s" left to the next request, as one takes %s at most',
				case when n >= enough then 'at least ' else '' end,
				reportd.counted(n, 'new file'), input, most) end;
		end if;
	end if;
end $$;

-- The inputs of a request for its worker, with their files. Each run reads a JSON answer anew, so
-- such an input has no file in the ledger.
create function reportd.job_inputs(c reportd.report_config) returns json
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	select json_agg(json_build_object('name', i.key, 'spec', i.value,
		'readable', reportd.readable_urls($1.owner, i.value ->> 'path'),
		'fault', w.fault, 'remark', w.remark,
		'files', case when i.value ? 'items'
			then json_build_array(json_build_array(0, i.value ->> 'path', '', 0, 0)) else (
			select coalesce(json_agg(json_build_array(f.file_id, f.url, f.version, f.size,
				(extract(epoch from f.modified_at) * 1000)::bigint)
				order by f.modified_at, f.url), '[]')
			from reportd.report_input f
			where w.fault is null and f.config_id = $1.config_id and f.input = i.key
				and (f.request_id = $1.request_id and f.state = 'TAKEN'
					or f.file_id = any (q.files))) end) order by i.key)
	from jsonb_each($1.inputs) i
	cross join lateral reportd.input_words($1, i.key, i.value) w
	left join reportd.report_request q on q.request_id = $1.request_id
$$;
