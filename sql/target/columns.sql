-- SPDX-License-Identifier: MIT
-- The columns of the table $1 oid, in their order: name; type as SQL writes it; collation,
-- quoted, where it is not the type's own; generated; always: an identity that only OVERRIDING
-- SYSTEM VALUE sets; money: none, one amount, or an array of amounts; class, the type's name.
select a.attname as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
	case when a.attcollation <> t.typcollation and a.attcollation <> 0 then
		(select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(l.collname)
		 from pg_catalog.pg_collation l
		 join pg_catalog.pg_namespace n on n.oid = l.collnamespace
		 where l.oid = a.attcollation) end as collation,
	a.attgenerated <> '' as generated, a.attidentity = 'a' as always,
	case coalesce(nullif(t.typbasetype, 0), t.oid)
		when 'pg_catalog.money'::pg_catalog.regtype then 'numeric'
		when 'pg_catalog.money[]'::pg_catalog.regtype then 'numeric[]' end as money,
	t.typname as class
from pg_catalog.pg_attribute a
join pg_catalog.pg_type t on t.oid = a.atttypid
where a.attrelid = $1::pg_catalog.oid and a.attnum > 0 and not a.attisdropped
order by a.attnum
