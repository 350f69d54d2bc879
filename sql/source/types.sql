-- SPDX-License-Identifier: MIT
-- The types $1 oid[] and those that they are made of: class d (a domain, of
-- `inside`), A (an array, of `inside`, its elements apart by `delimiter`), else
-- what pg_type counts them to (typcategory). A type with typelem is an array when
-- that element's array type is this one.
with recursive reached (oid) as (
	select unnest($1::pg_catalog.oid[])
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
