-- SPDX-License-Identifier: MIT
-- Limits of an owner: the sources and paths that it may use, and the amount of work.

-- Refuses a source that no daemon has: its reports would never run. Before any daemon has
-- registered its sources there is nothing to compare with.
create function reportd.check_source(source text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	known text;
begin
	select string_agg(s.source, ', ' order by s.source) into known
	from reportd.report_source s;
	if not exists (select from reportd.report_source s where s.source = check_source.source)
		and known is not null then
		perform reportd.refuse(format('no daemon has a source "%s"', source),
			format('Known: %s. Add [source.NAME] to the settings of a daemon and reload it, or register it by `reportctl sources --register`.', known));
	end if;
end $$;

-- The types of sources and what they are able to do. The programs have the same in their tables
-- of types.
create function reportd.source_types() returns table (type text, abilities text[])
language sql immutable set search_path = pg_catalog, pg_temp as $$
	values
		('postgres', '{script,snapshot,horizon,target,inbox}'::text[]),
		('redshift', '{script,snapshot,unload,target}'),
		('duckdb', '{files}'),
		('snowflake', '{script,unload,inbox}'),
		('athena', '{script,unload}')
$$;

-- Returns null for a type that this schema does not know.
create function reportd.source_abilities(type text) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select t.abilities from reportd.source_types() t where t.type = $1
$$;

-- Refuses what is no name of a source, or of a target.
create function reportd.check_name(kind text, name text) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if (name ~ '^[a-z0-9_]{1,40}$') is not true then
		perform reportd.refuse(format('"%s" is no name of a %s', left(name, 100), kind),
			format('Write the NAME of [%s.NAME] in the settings: 1 to 40 small letters, digits and _.', kind));
	end if;
end $$;

-- Refuses what is no type of a source, or of a target.
create function reportd.check_type(kind text, type text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	known text[] := array(select t.type from reportd.source_types() t
		where kind = 'source' or kind = any (t.abilities));
begin
	if (type = any (known)) is not true then
		perform reportd.refuse(
			format('"%s" is no type of a %s', left(type, 100), kind),
			format('Write %s.', regexp_replace(array_to_string(known, ', '), ', ([^,]*)$', ' or \1')));
	end if;
end $$;

-- The formats that the servers of a type of source write themselves, and the options that
-- they know there beside unload. The programs have the same in their tables of types.
create function reportd.source_unloads()
returns table (type text, format text, options text)
language sql immutable set search_path = pg_catalog, pg_temp as $$
	values
		('redshift', 'CSV', 'delimiter, header, null, compress, skip_if_empty, s3'),
		('redshift', 'JSONL', 'compress, skip_if_empty, s3'),
		('redshift', 'PARQUET', 'skip_if_empty, s3'),
		('snowflake', 'CSV', 'delimiter, header, null, compress, skip_if_empty, s3'),
		('snowflake', 'JSONL', 'compress, skip_if_empty, s3'),
		('snowflake', 'PARQUET', 'skip_if_empty, s3'),
		('athena', 'PARQUET', 'skip_if_empty, s3')
$$;

-- Refuses what the type of a report's source does not unload.
create function reportd.check_unload(c reportd.report_config, kind text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	able text;
	bad text;
begin
	if cardinality(reportd.formats_of(c.output_format)) > 1
		or reportd.statement_count(c.export_sql) > 1 then
		perform reportd.refuse('unload: takes one statement and one format',
			'Make a report of each.');
	end if;
	select u.options into able from reportd.source_unloads() u
	where u.type = kind and u.format = c.output_format;
	if not found then
		perform reportd.refuse(
			format('unload: source "%s" is of type %s, which cannot write %s',
				c.source, kind, c.output_format),
			format('It can %s.', (select string_agg(u.format, ', ')
				from reportd.source_unloads() u where u.type = kind)));
	end if;
	select k into bad from jsonb_object_keys(c.output_options) k
	where k <> 'unload' and k <> all (string_to_array(able, ', ')) limit 1;
	if found then
		perform reportd.refuse(
			format('unload: source "%s" is of type %s, which cannot do "%s" when it writes %s',
				c.source, kind, bad, c.output_format),
			format('Leave it out; it can %s.', able));
	end if;
end $$;

-- Refuses options that the type of a report's source does not support. The worker checks this
-- again.
create function reportd.check_abilities(c reportd.report_config) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	kind text := (select s.type from reportd.report_source s where s.source = c.source);
	able text[] := reportd.source_abilities(kind);
	unload boolean := coalesce(c.output_options @? '$.**.unload ? (@ == true)', false);
	-- Each statement may read a state of its own.
	apart boolean := coalesce(c.output_options @? '$.snapshot ? (@ == false)', false);
	bad record;
begin
	select * into bad from (values
			('script', c.prep_sql is not null, 'prep_sql',
				'cannot show the export what prep_sql leaves',
				'Leave prep_sql out.'),
			('snapshot', reportd.statement_count(concat_ws(E'\n;\n', c.export_sql, c.result_sql)) > 1
					and not apart,
				'several statements',
				'reads each of them for itself: data may change in between',
				'Make a report of each statement (result_sql is one, too), or set "snapshot": false in output_options if that does no harm.'),
			-- Copies of the files of inputs do not change.
			('snapshot', c.checks @? '$[*] ? (!exists(@.file) && !(@.at == "target"))'
				and not 'files' = any (able) and not apart, 'checks',
				'reads each statement for itself: data may change in between',
				'Leave checks out, or set "snapshot": false in output_options if that does no harm.'),
			('unload', unload, 'unload',
				'does not write into S3 itself', 'Leave unload out.'),
			('horizon', 'horizon' = any (c.links) and c.horizon_overlap is null, ':''horizon''',
				'does not tell the transactions that are open',
				'Set horizon_overlap, and let the report read what comes late once more.')
		) as w(ability, wanted, subject, lacks, mend)
	where wanted and not ability = any (able) limit 1;
	if found then
		perform reportd.refuse(format('%s: source "%s" is of type %s, which %s',
			bad.subject, c.source, kind, bad.lacks), bad.mend);
	elsif unload and able is not null then
		perform reportd.check_unload(c, kind);
	end if;
end $$;

-- A submission and a claim call some of the following functions for each report. They are in
-- PL/pgSQL, which plans a query once in a session; an SQL function that is not inlined is
-- planned at each call.

create function reportd.is_granted(kind text, name text, owner regrole) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return exists (select from reportd.report_grant g
		where g.kind = $1 and g.name = $2
			and (g.grantee = 0::oid or pg_has_role($3, g.grantee, 'USAGE')));
end $$;

-- Returns the prefixes below which an owner may read or write.
create function reportd.granted_paths(kind text, owner regrole) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return array(select g.name from reportd.report_grant g
		where g.kind = $1 and (g.grantee = 0::oid or pg_has_role($2, g.grantee, 'USAGE'))
		order by g.name);
end $$;

-- Returns the paths that are granted, but not to this owner for writing: no name of a report
-- of the owner may lead the default path there.
create function reportd.other_paths(owner regrole) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return array(select distinct g.name from reportd.report_grant g
		where g.kind in ('read', 'write') and not (g.kind = 'write'
			and (g.grantee = 0::oid or pg_has_role($1, g.grantee, 'USAGE'))));
end $$;

-- Returns the beginning of the default path that a daemon's settings give a report of this
-- owner and name, when it lies in a place that is not the owner's; null: it does not. A place
-- that the template itself names, without the owner or the report's name, was chosen by the
-- operator and is allowed.
create function reportd.default_astray(owner regrole, report_name text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return (select f.place
	from (select distinct w.output from reportd.running_daemon w
		where w.output is not null) w
	cross join lateral (select regexp_replace(w.output, '[{%].*$', '') as fixed,
		regexp_replace(regexp_replace(replace(replace(w.output,
				'{owner}', translate(pg_get_userbyid($1), '/', '_')),
				'{report_name}', translate($2, '/', '_')),
			'[{%].*$', ''), '(^|/)\.', '\1_', 'g') as place) f
	where exists (select from unnest(reportd.other_paths($1)) g
			where starts_with(f.place, g) and not starts_with(f.fixed, g))
		and not exists (select from unnest(reportd.granted_paths('write', $1)) g
			where starts_with(f.place, g)
				or g = '/' and f.place !~ '^[A-Za-z][A-Za-z0-9+.-]*://')
	limit 1);
end $$;

-- Says that an owner has published as many bytes as its quota allows; null: it has not.
create function reportd.bytes_denial(owner regrole, out message text, out hint text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	most bigint := (reportd.quota_of($1)).max_output_bytes;
	used bigint;
begin
	if most is null then
		return;
	end if;
	select u.output_bytes into used from reportd.report_usage u where u.owner = $1;
	if used >= most then
		message := format('%s has published %s bytes in the last 24 hours; its quota is %s',
			$1, used, most);
		hint := 'Wait, publish less, or ask an operator for more (report_quota).';
	end if;
end $$;

-- Names in a sentence what the report uses although its owner may not; null: nothing. INSERT
-- asks for the sake of the message; the decision is made at the claim. The worker checks
-- paths again, once names and codes are filled in.
create function reportd.denial(c reportd.report_config, out message text, out hint text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
	who text := pg_get_userbyid(c.owner);
	-- A dot that begins a part of the path becomes _, one within it does not.
	fixed text := regexp_replace(replace(c.output_path, '{owner}',
		case when who ~ '^\.' then '{owner}' else translate(who, '/', '_') end), '[{%].*$', '');
	paths text[];
	astray text;
begin
	if pg_has_role(c.owner, 'reportd_operator', 'USAGE') then
		return;
	elsif not exists (select from pg_roles r where r.oid = c.owner) then
		message := format('the owner of report %s is no role any more', c.config_id);
		hint := 'An operator can give it to another one by reportd.change(ID, ''{"owner": "ROLE"}'').';
	elsif not reportd.is_granted('source', c.source, c.owner) then
		message := format('%s may not use a source "%s"', c.owner, c.source)
			|| case when c.source = 'default' then ', which a report has that names none' else '' end;
		hint := (select coalesce('Write one of: ' || string_agg(s.source, ', '
				order by s.source) || '; ', '')
			from reportd.report_source s
			where reportd.is_granted('source', s.source, c.owner))
			|| format('an operator can allow more by select reportd.grant_source(''NAME'', %L).',
				c.owner);
	elsif c.target is not null and not reportd.is_granted('target', c.target, c.owner) then
		message := format('%s may not load tables of a target "%s"', c.owner, c.target);
		hint := (select coalesce('Write one of: ' || string_agg(t.target, ', '
				order by t.target) || '; ', '')
			from reportd.report_target t
			where reportd.is_granted('target', t.target, c.owner))
			|| format('an operator can allow more by select reportd.grant_target(''NAME'', %L).',
				c.owner);
	elsif c.output_path ~* '^table:' then
		null;
	elsif c.output_path is not null then
		paths := reportd.granted_paths('write', c.owner);
		-- The text before the first name or code must be below a prefix, or may
		-- still lead there.
		if not exists (select from unnest(paths) p
			where p = '/' and c.output_path !~ '^[A-Za-z][A-Za-z0-9+.-]*://'
				or starts_with(fixed, p)
				or fixed <> c.output_path and starts_with(p, fixed)) then
			message := format('%s may not write to "%s"', c.owner, c.output_path);
			hint := case when paths = '{}' then 'Leave output_path out for the default of the settings; '
					else format('Write below one of: %s; ', array_to_string(paths, ', ')) end
				|| 'an operator can allow more by reportd.grant_path().';
		end if;
	elsif c.export_sql is not null then
		astray := reportd.default_astray(c.owner, c.report_name);
		if astray is not null then
			message := format('%s may not write to "%s", where the default path of the settings leads a report "%s"',
				c.owner, astray, c.report_name);
			hint := 'Give it another name, or an output_path that is granted; an operator can begin the default path with {owner} (output in [reportd] of the settings).';
		end if;
	end if;
	if message is null and c.inputs is not null then
		select d.message, d.hint into message, hint from reportd.input_denial(c) d;
	end if;
	if message is not null then
		return;
	end if;
	select d.message, d.hint into message, hint from reportd.bytes_denial(c.owner) d;
end $$;

-- Returns the limits of an owner: those of its own row and, where that has nulls, those of
-- the common row.
create function reportd.quota_of(owner regrole) returns reportd.report_quota
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
	quota reportd.report_quota;
begin
	select $1, coalesce(o.max_reports, d.max_reports),
		coalesce(o.max_pending, d.max_pending), coalesce(o.max_running, d.max_running),
		coalesce(o.max_output_bytes, d.max_output_bytes),
		coalesce(o.max_timeout, d.max_timeout)
	into quota
	from (values (1)) one(one)
	left join reportd.report_quota o on o.role = $1
	left join reportd.report_quota d on d.role = 0::oid;
	return quota;
end $$;

create function reportd.check_rights(new reportd.report_config, old reportd.report_config)
returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	denial record := reportd.denial(new);
	most interval := case when new.timeout is not null
		then (reportd.quota_of(new.owner)).max_timeout end;
begin
	if denial.message is not null then
		perform reportd.refuse(denial.message, denial.hint);
	elsif extract(epoch from new.timeout) > extract(epoch from most) then
		perform reportd.refuse(
			format('timeout %s is longer than %s allows %s', new.timeout, most, new.owner),
			format('Write %s or less.', most));
	elsif new.next_run_time < now() - interval '1 minute'
		and new.next_run_time is distinct from old.next_run_time then
		perform reportd.refuse(
			format('next_run_time %s lies in the past', new.next_run_time),
			'Leave it out: it follows from the schedule. For times that have passed use reportd.backfill().');
	elsif old is null and new.due_at < now() - interval '1 minute' then
		perform reportd.refuse(format('due_at %s lies in the past', new.due_at),
			'Leave it out for a report that is to run now.');
	end if;
end $$;

-- Counts the waiting reports and requests of an owner, up to `most`. The plan is kept while
-- the table grows, so plans that read the whole table are switched off.
create function reportd.pending_count(owner regrole, most bigint) returns int
language plpgsql stable set search_path = pg_catalog, pg_temp
	set enable_seqscan = off as $$
begin
	return (select count(*)::int from (
		(select from reportd.report_config c
		 where c.owner = $1 and c.status = 'PENDING' and c.is_active
			and c.due_at < 'infinity'
		 limit $2)
		union all
		(select from reportd.report_request r
		 where r.owner = $1 and r.state in ('WAITING', 'QUEUED')
		 limit $2)) w);
end $$;

-- Counts the reports of an owner that neither wait nor run, up to `most`: each takes up a
-- row.
create function reportd.idle_count(owner regrole, most bigint) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp
	set enable_seqscan = off as $$
begin
	return (select count(*) from (select from reportd.report_config c
		where c.owner = $1 and (c.status = 'CANCELLED'
			or c.status = 'PENDING' and (not c.is_active or c.due_at = 'infinity'))
		limit $2) idle);
end $$;

-- No session sees the reports that others add at the same time. So a quota is checked twice:
-- at once, for the sake of the message, and again when the transaction commits, where the
-- sessions of one owner pass one after the other. A session may wait for one that is
-- committing, but never for one that stays open.
create function reportd.quota_at_commit() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	quota reportd.report_quota := reportd.quota_of(new.owner);
begin
	delete from reportd.quota_check q
	where q.transaction = new.transaction and q.owner = new.owner;
	insert into reportd.owner_turn as t (owner) values (new.owner)
	on conflict (owner) do update set taken = t.taken + 1;
	if reportd.pending_count(new.owner, quota.max_pending + 1::bigint) > quota.max_pending then
		raise exception using errcode = '22023',
			message = format('%s has reports and requests waiting that others added meanwhile; with those of this transaction they are more than its quota, which is %s',
				new.owner, quota.max_pending),
			hint = 'Wait until some have ended, cancel some, or ask an operator for more (report_quota).';
	elsif reportd.idle_count(new.owner, quota.max_reports + 1::bigint) > quota.max_reports then
		raise exception using errcode = '22023',
			message = format('%s has reports that others added meanwhile; with those of this transaction they are more than its quota, which is %s',
				new.owner, quota.max_reports),
			hint = 'Delete some by reportd.delete(), or ask an operator for more (report_quota).';
	end if;
	return null;
end $$;
create constraint trigger at_commit after insert on reportd.quota_check
	deferrable initially deferred
	for each row execute function reportd.quota_at_commit();

-- Takes the turn of an owner until this transaction ends; it then waits for no other
-- transaction when it commits. false: another transaction has the turn: it is committing, or
-- it stays open after SET CONSTRAINTS. patient: waits up to 50 ms for one that is committing.
create function reportd.take_turn(owner regrole, patient boolean) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '50ms' as $$
begin
	perform from reportd.owner_turn t where t.owner = take_turn.owner for update skip locked;
	if found or not patient and exists (
		select from reportd.owner_turn t where t.owner = take_turn.owner) then
		return found;
	end if;
	begin
		insert into reportd.owner_turn as t (owner) values (take_turn.owner)
		on conflict on constraint owner_turn_pkey do update set taken = t.taken;
		return true;
	exception when lock_not_available then
		return false;
	end;
end $$;

create function reportd.check_at_commit(owner regrole) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	insert into reportd.quota_check (transaction, owner) values (pg_current_xact_id(), $1)
	on conflict do nothing;
end $$;

create function reportd.check_pending(owner regrole, more int) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	most int := (reportd.quota_of(owner)).max_pending;
begin
	if most is null or pg_has_role(owner, 'reportd_operator', 'USAGE') then
		return;
	end if;
	-- First: where constraints are not deferred the turn is taken now.
	perform reportd.check_at_commit(owner);
	if reportd.pending_count(owner, most) + more > most then
		perform reportd.refuse(
			format('%s has %s waiting already; its quota is %s',
				owner, reportd.counted(reportd.pending_count(owner, most), 'report or request',
					'reports and requests'), most),
			'Wait until some have ended, cancel some, or ask an operator for more (report_quota).');
	end if;
end $$;

-- Refuses one more report of an owner whose quota is used up.
create function reportd.check_quota(owner regrole) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	most int := (reportd.quota_of(owner)).max_reports;
	count bigint;
begin
	perform reportd.check_pending(owner, 1);
	if most is null then
		return;
	end if;
	perform reportd.check_at_commit(owner);
	select max(n) into count from (
		select u.reports as n from reportd.report_usage u where u.owner = check_quota.owner
		union all
		select reportd.idle_count(check_quota.owner, most)) counts;
	if count >= most then
		perform reportd.refuse(
			format('%s has %s; its quota is %s', owner, reportd.counted(count, 'report'), most),
			'Delete some by reportd.delete() and wait a minute (they are counted that often), or ask an operator for more (report_quota).');
	end if;
end $$;

-- Requests that were cancelled before they ran count as reports: otherwise an owner could
-- fill the table by asking and cancelling in turns.
create function reportd.check_unused(owner regrole) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	most int := (reportd.quota_of(owner)).max_reports;
begin
	if most is null then
		return;
	end if;
	if not pg_has_role(owner, 'reportd_operator', 'USAGE')
		and (select count(*) from (select from reportd.report_request r
			where r.owner = check_unused.owner and r.state = 'ENDED' and r.run_id is null
			limit most) ended) >= most then
		perform reportd.refuse(
			format('%s has cancelled %s that had not run; its quota for reports is %s',
				owner, reportd.counted(most, 'request'), most),
			'Wait until retention has forgotten some, or ask an operator for more (report_quota).');
	end if;
end $$;
