-- SPDX-License-Identifier: MIT
-- Whether the login of this session may change the ledger of a target: no row, or its name.
-- The conditions stand in one expression, whose order is kept: to ask for a table in a schema
-- that the login may not use is an error.
select quote_ident(n.nspname) || '.reportd_load'
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where case when c.relname <> 'reportd_load' or c.relkind <> 'r' then false
	when not has_schema_privilege(n.nspname, 'usage') then false
	else has_table_privilege(quote_ident(n.nspname) || '.reportd_load', 'insert')
		or has_table_privilege(quote_ident(n.nspname) || '.reportd_load', 'update')
		or has_table_privilege(quote_ident(n.nspname) || '.reportd_load', 'delete') end
limit 1
