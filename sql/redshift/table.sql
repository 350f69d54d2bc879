-- SPDX-License-Identifier: MIT
-- Describes a table that is to be loaded. :'1' schema, :'2' name. No row: there is none. One
-- row, as sql/target/table.sql has it: oid, kind, and three falses, because Redshift has no
-- rules, no partitions, and says to nobody whom its row-level security holds for.
select c.oid, c.relkind as kind, false as rules, false as row_security, false as "foreign"
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = :'1' and c.relname = :'2'
