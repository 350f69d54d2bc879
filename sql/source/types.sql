-- SPDX-License-Identifier: MIT
-- Describes the types $1 oid[] and the types that they are made of. Class d is a domain
-- over the type `inside`; class A is an array of the type `inside`, whose elements are
-- separated by `delimiter`; any other class is the typcategory of pg_type. A type with a
-- typelem is an array only if it is the array type of that element.
with recursive reached (oid) as (
	select pg_catalog.unnest($1::pg_catalog.oid[])
	union
	select case t.typtype when 'd' then t.typbasetype else e.oid end
	from reached r
	join pg_catalog.pg_type t on t.oid = r.oid
	left join pg_catalog.pg_type e on e.oid = t.typelem and e.typarray = t.oid
	where t.typtype = 'd' or e.oid is not null
)
select t.oid,
	case when t.typtype = 'd' then 'd' when e.oid is not null then 'A'
		when t.typcategory = 'A' then 'U' else t.typcategory end as class,
	case when t.typtype = 'd' then t.typbasetype else coalesce(e.oid, 0) end as inside,
	t.typtypmod as modifier, coalesce(e.typdelim, ',') as delimiter
from reached r
join pg_catalog.pg_type t on t.oid = r.oid
left join pg_catalog.pg_type e on e.oid = t.typelem and e.typarray = t.oid
