-- SPDX-License-Identifier: MIT
-- Sets a schema of version 7, which knew no roles of its own, aside: only one that a
-- superuser or the caller made is taken. What others built on it would be lost, so
-- that is refused.
do $$
declare
	owner oid := (select n.nspowner from pg_namespace n where n.nspname = 'reportd');
	other text;
begin
	if not (select r.rolsuper from pg_roles r where r.oid = owner)
		and not pg_has_role(owner, 'USAGE') then
		raise exception using errcode = '42501',
			message = format('schema reportd belongs to %s', pg_get_userbyid(owner)),
			hint = 'Upgrade as that role, or as a superuser.';
	end if;
	select pg_describe_object(v.tableoid, v.oid, 0) into other
	from pg_depend d
	join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
	join pg_class v on v.oid = w.ev_class and v.relnamespace <> 'reportd'::regnamespace
	join pg_class t on d.refclassid = 'pg_class'::regclass and t.oid = d.refobjid
		and t.relnamespace = 'reportd'::regnamespace
	limit 1;
	if other is not null then
		raise exception using errcode = '2BP01',
			message = format('%s is built on the schema', other),
			hint = 'Drop it, upgrade, and make it again.';
	end if;
	alter schema reportd rename to reportd_7;
end $$;
