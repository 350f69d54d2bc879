-- SPDX-License-Identifier: MIT
-- Describes a table that is to be loaded. $1 schema, $2 name. No row: there is none. One
-- row: its oid; kind, the relkind of pg_class; rules, row_security: whether rules or
-- policies change what this login's statements do; foreign: whether a partition lies on
-- another server.
select c.oid, c.relkind as kind, c.relhasrules as rules,
	pg_catalog.row_security_active(c.oid) as row_security,
	c.relkind = 'p' and exists (select from pg_catalog.pg_partition_tree(c.oid) t
		join pg_catalog.pg_class p on p.oid = t.relid
		where p.relkind = 'f') as foreign
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2
