-- SPDX-License-Identifier: MIT
-- Sets aside a schema of version 7, which had no roles of its own. Refuses a schema
-- that neither a superuser nor the caller made, and one on which other objects are
-- built, because these would be lost.
do $$
declare
	owner oid := (select n.nspowner from pg_namespace n where n.nspname = 'reportd');
	theirs constant oid := to_regnamespace('reportd');
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
	-- Views of others, and columns, defaults, functions that refer to what is in it.
	select string_agg(b.name, ', ' order by b.name) into other
	from (select distinct case when d.classid = 'pg_rewrite'::regclass
				then pg_describe_object('pg_class'::regclass, c.oid, 0)
				else pg_describe_object(d.classid, d.objid, d.objsubid) end as name
		from pg_depend d
		join (select 'pg_class'::regclass as class, c.oid from pg_class c
				where c.relnamespace = theirs
			union all
			select 'pg_proc'::regclass, p.oid from pg_proc p where p.pronamespace = theirs
			union all
			select 'pg_type'::regclass, t.oid from pg_type t where t.typnamespace = theirs) o
			on o.class = d.refclassid and o.oid = d.refobjid
		left join pg_class c on c.oid = case d.classid
			when 'pg_class'::regclass then d.objid
			when 'pg_rewrite'::regclass
				then (select w.ev_class from pg_rewrite w where w.oid = d.objid)
			when 'pg_attrdef'::regclass
				then (select a.adrelid from pg_attrdef a where a.oid = d.objid)
			when 'pg_trigger'::regclass
				then (select t.tgrelid from pg_trigger t where t.oid = d.objid)
			when 'pg_policy'::regclass
				then (select p.polrelid from pg_policy p where p.oid = d.objid)
			when 'pg_constraint'::regclass
				then (select k.conrelid from pg_constraint k where k.oid = d.objid) end
		left join pg_proc p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
		left join pg_type t on d.classid = 'pg_type'::regclass and t.oid = d.objid
		where coalesce(c.relnamespace, p.pronamespace, t.typnamespace, 0)
			not in (theirs, 'pg_toast'::regnamespace)
		order by name limit 20) b;
	if other is not null then
		raise exception using errcode = '2BP01',
			message = format('built on the schema: %s', other),
			hint = 'Drop that, upgrade, and make it again: an upgrade would drop it with what it is built on.';
	end if;
	-- Waits for writes in progress, so that the copy includes them.
	lock table reportd.report_config, reportd.report_run, reportd.report_notification,
		reportd.report_worker in access exclusive mode;
	alter schema reportd rename to reportd_7;
end $$;
