-- SPDX-License-Identifier: MIT
-- Says whether there is a reportd schema at all; schema_version.sql fails without one.
-- A table that another role made does not count: reading it could run that role's
-- functions with the rights of the caller. No parameters; one row: installed boolean.
select exists (select
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where n.nspname = 'reportd' and c.relname = 'schema_upgrade' and c.relkind = 'r'
		and not exists (select from pg_catalog.pg_roles r
			where r.oid in (n.nspowner, c.relowner) and not r.rolsuper
				and r.rolname not in ('reportd_owner', current_user))) as installed
