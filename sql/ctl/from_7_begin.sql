-- SPDX-License-Identifier: MIT
-- Sets aside a schema of version 7, which had no roles of its own. Refuses a schema
-- that neither a superuser nor the caller made, and one on which other objects are
-- built, because these would be lost.
do $$
declare
	owner oid := (select n.nspowner from pg_namespace n where n.nspname = 'reportd');
	other text;
begin
	-- Copying may run the schema's views, triggers and functions with the rights of
	-- the caller, so all of them must belong to a superuser or to the caller.
	select format('schema reportd belongs to %s', pg_get_userbyid(d.owner)) into other
	from (select owner
		union all
		select c.relowner from pg_class c where c.relnamespace = 'reportd'::regnamespace
		union all
		select p.proowner from pg_proc p where p.pronamespace = 'reportd'::regnamespace) d(owner)
	where d.owner <> current_user::regrole
		and not (select r.rolsuper from pg_roles r where r.oid = d.owner)
	limit 1;
	if other is not null then
		raise exception using errcode = '42501',
			message = other || ', or some of what is in it',
			hint = 'Upgrade as that role, or look at what it made and alter its owner first.';
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
	-- Waits for writes in progress, so that the copy includes them.
	lock table reportd.report_config, reportd.report_run, reportd.report_notification,
		reportd.report_worker in access exclusive mode;
	alter schema reportd rename to reportd_7;
end $$;
