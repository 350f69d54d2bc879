-- SPDX-License-Identifier: MIT
-- The ledger in the schema $1. One row: schema, whether the schema is there; ledger, whether
-- the table is; why it cannot be trusted, as the end of a sentence, or null.
select n.oid is not null as schema, c.oid is not null as ledger,
	case when not pg_catalog.pg_has_role(n.owner, session_user, 'MEMBER')
			then pg_catalog.format('lies in a schema of %s, who may drop it',
				pg_catalog.pg_get_userbyid(n.owner))
		when c.oid is null then null
		when c.relkind <> 'r' then 'is no table'
		-- A role that the login is a member of has other members, too.
		when not pg_catalog.pg_has_role(session_user, c.relowner, 'USAGE')
			or not pg_catalog.pg_has_role(c.relowner, session_user, 'MEMBER')
			then pg_catalog.format('belongs to %s and not to %s',
				pg_catalog.pg_get_userbyid(c.relowner), session_user)
		when c.relhasrules or c.relrowsecurity or exists (
			select from pg_catalog.pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal)
			then 'has rules, triggers or policies'
		when exists (select from pg_catalog.aclexplode(c.relacl) a
			where a.privilege_type <> 'SELECT' and a.grantee <> c.relowner)
			then 'can be written by others'
	end as why
from (values (1)) one (one)
left join lateral (
	select s.oid, coalesce((select d.datdba from pg_catalog.pg_database d
			join pg_catalog.pg_roles r on r.rolname = 'pg_database_owner'
			where d.datname = pg_catalog.current_database() and s.nspowner = r.oid),
		s.nspowner) as owner
	from pg_catalog.pg_namespace s where s.nspname = $1) n on true
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = 'reportd_load'
