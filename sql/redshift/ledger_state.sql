-- SPDX-License-Identifier: MIT
-- The ledger in the schema :'1'. One row: schema, whether the schema is there; ledger, whether
-- the table is; why it cannot be trusted, as the end of a sentence, or null.
select n.oid is not null as schema, c.oid is not null as ledger,
	case when n.oid is not null and (select count(*) from pg_catalog.pg_user u
				where u.usesysid = n.nspowner and (u.usesuper or u.usename = current_user)) = 0
			then 'lies in a schema of somebody else, who may drop it'
		when c.oid is null then null
		when c.relkind <> 'r' then 'is no table'
		when c.relowner <> (select u.usesysid from pg_catalog.pg_user u
				where u.usename = current_user)
			then 'does not belong to ' || current_user
		when (select count(*) from pg_catalog.pg_user u
				where not u.usesuper and u.usename <> current_user
					and (has_table_privilege(u.usename, quote_ident(n.nspname) || '.reportd_load', 'insert')
						or has_table_privilege(u.usename, quote_ident(n.nspname) || '.reportd_load', 'update')
						or has_table_privilege(u.usename, quote_ident(n.nspname) || '.reportd_load', 'delete'))) > 0
			then 'can be written by others'
	end as why
from (select 1 as one) one
left join pg_catalog.pg_namespace n on n.nspname = :'1'
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = 'reportd_load'
