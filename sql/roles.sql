-- SPDX-License-Identifier: MIT
-- The roles that reportd's rights are given to, none of which can log in: grant them
-- to the roles that people and daemons log in with. Run by `reportctl init`, which
-- goes on as reportd_owner.

do $$
declare
	name text;
	bad text;
begin
	foreach name in array array['reportd_owner', 'reportd_daemon', 'reportd_submitter',
			'reportd_operator', 'reportd_viewer'] loop
		if not exists (select from pg_roles where rolname = name) then
			execute format('create role %I nologin', name);
		end if;
	end loop;
	select r.rolname into bad from pg_roles r
	where r.rolname in ('reportd_owner', 'reportd_daemon', 'reportd_submitter',
			'reportd_operator', 'reportd_viewer')
		and (r.rolsuper or r.rolcanlogin or r.rolcreaterole or r.rolbypassrls
			or r.rolreplication) limit 1;
	if bad is not null then
		raise exception using errcode = '42501',
			message = format('role "%s" can log in or has rights of its own', bad),
			hint = format('It must be what `create role %I nologin` makes: alter it, or drop it.', bad);
	end if;
	-- Operators may all that submitters and viewers may; the owner may all.
	if not pg_has_role('reportd_operator', 'reportd_submitter', 'USAGE') then
		grant reportd_submitter to reportd_operator;
	end if;
	if not pg_has_role('reportd_operator', 'reportd_viewer', 'USAGE') then
		grant reportd_viewer to reportd_operator;
	end if;
	if not pg_has_role('reportd_daemon', 'reportd_viewer', 'USAGE') then
		grant reportd_viewer to reportd_daemon;
	end if;
	if not pg_has_role('reportd_owner', 'reportd_operator', 'USAGE') then
		grant reportd_operator to reportd_owner;
	end if;
	if not pg_has_role('reportd_owner', 'USAGE') then
		execute format('grant reportd_owner to %I', current_user);
	end if;
	if to_regnamespace('reportd') is null then
		create schema reportd authorization reportd_owner;
	end if;
	select format('schema reportd belongs to %s', pg_get_userbyid(n.nspowner)) into bad
	from pg_namespace n where n.nspname = 'reportd' and n.nspowner <> 'reportd_owner'::regrole;
	if bad is null then
		select format('%s belongs to %s', pg_describe_object(d.classid, d.objid, 0),
			pg_get_userbyid(d.owner)) into bad
		from (select 'pg_class'::regclass as classid, c.oid as objid, c.relowner as owner
				from pg_class c where c.relnamespace = to_regnamespace('reportd')
			union all
			select 'pg_proc'::regclass, p.oid, p.proowner
				from pg_proc p where p.pronamespace = to_regnamespace('reportd')
			union all
			select 'pg_type'::regclass, t.oid, t.typowner
				from pg_type t where t.typnamespace = to_regnamespace('reportd')) d
		where d.owner <> 'reportd_owner'::regrole limit 1;
	end if;
	if bad is not null then
		raise exception using errcode = '42501',
			message = bad || ', not to reportd_owner: somebody else made it',
			hint = 'Look at what is in it; rename or drop it, or use another database.';
	end if;
end $$;

set local role reportd_owner;
alter default privileges revoke execute on functions from public;
