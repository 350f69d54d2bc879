-- SPDX-License-Identifier: MIT
-- For operators: functions that grant sources, targets and paths, and make sources and targets
-- known; and the check of the quotas that they write.

create function reportd.role_named(role text) returns regrole
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	-- PostgreSQL reserves "public", but lets a role be called "Public".
	if to_regrole(quote_ident(role)) is null and lower(role) = 'public' then
		return 0::oid::regrole;
	elsif to_regrole(quote_ident(role)) is null then
		perform reportd.refuse(format('there is no role "%s"', role),
			'Write the name of a role, or public for everybody.');
	end if;
	return to_regrole(quote_ident(role));
end $$;

create function reportd.grant_source(source text, role text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	refusal text;
	mend text;
begin
	if not exists (select from reportd.report_source s where s.source = grant_source.source) then
		perform reportd.refuse(format('no daemon has told of a source "%s"', source),
			format('Known: %s. A daemon tells of its sources when it starts; before that: select reportd.register_source(%L, ''postgres'').',
				(select coalesce(string_agg(s.source, ', ' order by s.source), 'none')
				from reportd.report_source s), source));
	end if;
	insert into reportd.report_grant (kind, name, grantee, granted_by)
	values ('source', source, reportd.role_named(role), reportd.acting_name())
	on conflict do nothing;
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.grant_source is
	'Lets the members of a role, or public, submit reports that read a source.';

create function reportd.revoke_source(source text, role text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
	delete from reportd.report_grant g
	where g.kind = 'source' and g.name = $1 and g.grantee = reportd.role_named($2)
$$;
comment on function reportd.revoke_source is
	'Takes a grant back: reports that wait fail with the reason, what runs goes on.';

-- A prefix of whole segments: finance/ below the output root, file:///srv/reports/,
-- s3://bucket/, s3://bucket/folder/ or https://host/folder/; / is everything below the
-- output root.
create function reportd.path_prefix(prefix text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	whole text := regexp_replace(prefix, '([^/])/*$', '\1/');
	folder text := regexp_replace(whole, '^(s3://|file:///)', '');
begin
	if octet_length(whole) > 1024 then
		perform reportd.refuse(format('"%s…" is too long to be granted', left(prefix, 100)),
			'Grant a folder above it: the limit is 1,024 bytes.');
	elsif whole ~ '^https://' and reportd.is_url(whole) and whole !~ '[?*{}]' or whole = '/' or folder <> '' and folder !~ '^/|[\x01-\x1f\x7f{}%]|(^|/)[/.]'
			and folder !~ '^[A-Za-z][A-Za-z0-9+.-]*:'
			and (whole !~ '^s3:' or folder ~ '^[a-z0-9]') then
		return whole;
	end if;
	perform reportd.refuse(
		format('"%s" is no path that can be granted', prefix),
		'Write finance/ (below the output root), / (all of it), file:///srv/reports/, s3://bucket/folder/ or https://host/folder/; no part begins with a dot.');
end $$;

create function reportd.grant_path(prefix text, role text, mode text default 'write')
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	refusal text;
	mend text;
begin
	if (lower(mode) in ('read', 'write')) is not true then
		perform reportd.refuse(format('unknown mode "%s"', mode), 'Write read or write.');
	end if;
	insert into reportd.report_grant (kind, name, grantee, granted_by)
	values (lower(mode), reportd.path_prefix(prefix), reportd.role_named(role),
		reportd.acting_name())
	on conflict do nothing;
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.grant_path is
	'Lets the members of a role, or public, write (or read) below a path: finance/, s3://bucket/folder/, / for all of the output root.';

create function reportd.revoke_path(prefix text, role text, mode text default 'write')
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	granted text := prefix;
begin
	-- An upgrade has granted folders as reports had written them: /srv/reports/.
	-- Within one statement PostgreSQL 18 asks path_prefix before it looks.
	if not exists (select from reportd.report_grant k
		where k.kind = lower(mode) and k.name = prefix) then
		granted := reportd.path_prefix(prefix);
	end if;
	delete from reportd.report_grant g
	where g.kind = lower(mode) and g.name = granted and g.grantee = reportd.role_named(role);
end $$;
comment on function reportd.revoke_path is
	'Takes a grant back: reports that wait fail with the reason, what runs goes on.';

create function reportd.register_source(source text, type text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	refusal text;
	mend text;
begin
	perform reportd.check_name('source', source);
	perform reportd.check_type('source', type);
	insert into reportd.report_source (source, type, registered_by)
	values ($1, $2, reportd.acting_name())
	on conflict on constraint report_source_pkey do update set type = excluded.type, seen_at = now();
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.register_source is
	'Makes a source known, so that reports may name it while no daemon runs.';

create function reportd.forget_source(source text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	refusal text;
	mend text;
begin
	if exists (select from reportd.running_daemon w
		where forget_source.source = any (w.sources)) then
		perform reportd.refuse(format('a running daemon has the source "%s"', source),
			'Take it out of the daemon''s settings first.');
	end if;
	delete from reportd.report_source s where s.source = forget_source.source;
	delete from reportd.report_grant g
	where g.kind = 'source' and g.name = forget_source.source;
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.forget_source is
	'Forgets a source that no daemon has any more, and its grants.';

create function reportd.grant_target(target text, role text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	refusal text;
	mend text;
begin
	if not exists (select from reportd.report_target t where t.target = grant_target.target) then
		perform reportd.refuse(format('no daemon has told of a target "%s"', target),
			format('Known: %s. A daemon tells of its targets when it starts; before that: select reportd.register_target(%L, ''postgres'').',
				(select coalesce(string_agg(t.target, ', ' order by t.target), 'none')
				from reportd.report_target t), target));
	end if;
	insert into reportd.report_grant (kind, name, grantee, granted_by)
	values ('target', target, reportd.role_named(role), reportd.acting_name())
	on conflict do nothing;
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.grant_target is
	'Lets the members of a role, or public, submit reports that load tables of a target.';

create function reportd.revoke_target(target text, role text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
	delete from reportd.report_grant g
	where g.kind = 'target' and g.name = $1 and g.grantee = reportd.role_named($2)
$$;
comment on function reportd.revoke_target is
	'Takes a grant back: reports that wait fail with the reason, what runs goes on.';

create function reportd.register_target(target text, type text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	refusal text;
	mend text;
begin
	perform reportd.check_name('target', target);
	perform reportd.check_type('target', type);
	insert into reportd.report_target (target, type, registered_by)
	values ($1, $2, reportd.acting_name())
	on conflict on constraint report_target_pkey do update set type = excluded.type, seen_at = now();
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.register_target is
	'Makes a target known, so that reports may name it while no daemon runs.';

create function reportd.forget_target(target text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	refusal text;
	mend text;
begin
	if exists (select from reportd.running_daemon w
		where forget_target.target = any (w.targets)) then
		perform reportd.refuse(format('a running daemon has the target "%s"', target),
			'Take it out of the daemon''s settings first.');
	end if;
	delete from reportd.report_target t where t.target = forget_target.target;
	delete from reportd.report_grant g
	where g.kind = 'target' and g.name = forget_target.target;
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.forget_target is
	'Forgets a target that no daemon has any more, and its grants.';

create function reportd.refuse_quota() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	wrong record;
begin
	if new.role is null then
		perform reportd.refuse('role is null',
			'Write ''NAME''::regrole, or 0 for all who have no row of their own.');
	elsif not (new.max_timeout > interval '0' and new.max_timeout <= interval '100 years') then
		perform reportd.refuse(format('max_timeout %s is out of range', new.max_timeout),
			'Write more than 0 and at most 100 years, or null for no limit.');
	end if;
	select * into wrong from (values ('max_reports', new.max_reports, 0),
		('max_pending', new.max_pending, 0), ('max_running', new.max_running, 1),
		('max_output_bytes', new.max_output_bytes, 0)) v (name, given, least)
	where v.given < v.least;
	if found then
		perform reportd.refuse(format('%s %s is out of range', wrong.name, wrong.given),
			format('Write %s or more, or null for no limit.', wrong.least));
	end if;
	return new;
end $$;
create trigger a_check before insert or update on reportd.report_quota
	for each row execute function reportd.refuse_quota();
