-- SPDX-License-Identifier: MIT
-- The columns of the table :'1' oid, in their order, as sql/target/columns.sql has them: name;
-- type as SQL writes it; collation; generated: an IDENTITY column, whose values come from
-- Redshift alone; always; money; class, the type's name.
select a.attname as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
	null as collation,
	coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid) like '%identity"(%'
		or pg_catalog.pg_get_expr(d.adbin, d.adrelid) like '%identity(%', false)
		and coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') not like '%default_identity%'
		as generated,
	false as always, null as money, t.typname as class
from pg_catalog.pg_attribute a
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = :'1' and a.attnum > 0 and not a.attisdropped
order by a.attnum
