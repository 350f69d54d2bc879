-- SPDX-License-Identifier: MIT
-- The tables of a schema that hold rows of their own: no views, no foreign tables, no
-- partitions (their parents are read), no temporary tables.
-- :'schema' the schema's name
-- Each row: a json object.
--	table, columns [[name, type]], key [column]: the primary key; null: none
--	bytes: on disk, with partitions and without indexes
--	only: other tables inherit from it
--	refused: why the login does not see all of its rows; null: it does
--	clocks: its columns of times with a date: column, zone (it is a timestamptz), not_null,
--	  now (its default is the begin of the transaction), index (a whole index begins with it),
--	  touched (`trigger` surely sets it to the begin of the transaction at each UPDATE of a row)
--	trigger: the trigger BEFORE UPDATE of a row that fires last, and so decides; null: none
--
-- The effect of a trigger is sure when it has no condition (WHEN, UPDATE OF), and its function is
-- a PL/pgSQL block that only assigns to columns of NEW, one statement after another, and
-- returns it; or the server's module moddatetime, whose argument is the column.
with pattern as (
	select assign, '^\s*begin\s+(' || assign || ')+return\s+new\s*;\s*end\s*;?\s*$' as block
	from (select 'new\s*\.\s*([[:alpha:]_][[:alnum:]_$]*|"[^"]+")\s*:?=\s*([^;''"$/]+);\s*'
		) as p (assign)
)
select pg_catalog.json_build_object('table', c.relname, 'columns', (
		select pg_catalog.json_agg(pg_catalog.json_build_array(
			a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)) order by a.attnum)
		from pg_catalog.pg_attribute a
		where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
	'key', (
		select pg_catalog.json_agg(a.attname order by k.position)
		from pg_catalog.pg_index i
		cross join pg_catalog.unnest(i.indkey::pg_catalog.int2[]) with ordinality as k (attnum, position)
		join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
		where i.indrelid = c.oid and i.indisprimary and k.position <= i.indnkeyatts),
	'bytes', case c.relkind when 'r' then pg_catalog.pg_table_size(c.oid) else (
		select pg_catalog.sum(pg_catalog.pg_table_size(t.relid))
		from pg_catalog.pg_partition_tree(c.oid) t) end,
	'only', c.relkind = 'r' and c.relhassubclass,
	'refused', case
		when not pg_catalog.has_schema_privilege(n.oid, 'USAGE')
			or not pg_catalog.has_table_privilege(c.oid, 'SELECT')
			then pg_catalog.format('"%s" may not read it; grant select on it', current_user)
		when pg_catalog.row_security_active(c.oid)
			then pg_catalog.format('its row-level security hides rows from "%s"', current_user)
		end,
	'clocks', (
		select pg_catalog.json_agg(pg_catalog.json_build_object('column', a.attname,
			'zone', b.type = 'pg_catalog.timestamptz'::pg_catalog.regtype,
			'not_null', a.attnotnull or t.typnotnull,
			-- How the server writes the functions of the transaction's begin.
			'now', coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~
				'^(now\(\)|CURRENT_TIMESTAMP(\([0-6]\))?|transaction_timestamp\(\))$', false),
			'index', (
				select x.relname from pg_catalog.pg_index i
				join pg_catalog.pg_class x on x.oid = i.indexrelid
				join pg_catalog.pg_am m on m.oid = x.relam
				where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indpred is null
					and i.indisvalid and i.indisready and m.amname = 'btree'
				order by x.relname limit 1),
			'touched', coalesce(a.attname::pg_catalog.text = any (g.sets), false)) order by a.attnum)
		from pg_catalog.pg_attribute a
		join pg_catalog.pg_type t on t.oid = a.atttypid
		cross join lateral (
			select coalesce(nullif(t.typbasetype, 0), t.oid)::pg_catalog.regtype) as b (type)
		left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
			and a.attgenerated = ''
		where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
			and b.type in ('pg_catalog.timestamptz'::pg_catalog.regtype,
				'pg_catalog.timestamp'::pg_catalog.regtype)),
	'trigger', g.tgname)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join lateral (
	select g.tgname, case
		when g.tgqual is not null or pg_catalog.cardinality(g.tgattr::pg_catalog.int2[]) > 0 then null
		when l.lanname = 'plpgsql' and b.body ~* p.block then (
			select pg_catalog.array_agg(s.name) from (
				select (pg_catalog.parse_ident(m[1]))[1]
				from pg_catalog.regexp_matches(b.body, p.assign, 'gi') m
				group by 1
				having pg_catalog.bool_and(m[2] ~*
					'^(now\s*\(\s*\)|current_timestamp|transaction_timestamp\s*\(\s*\))\s*$')) as s (name))
		when l.lanname = 'c' and f.probin ~ '(^|/)moddatetime$' then
			array[pg_catalog.convert_from(pg_catalog.btrim(g.tgargs, '\x00'),
				pg_catalog.getdatabaseencoding())]
		end as sets
	from pg_catalog.pg_trigger g
	join pg_catalog.pg_proc f on f.oid = g.tgfoid
	join pg_catalog.pg_language l on l.oid = f.prolang
	-- A quote that begins in a comment, or a comment in a quote, leaves what `block` refuses.
	cross join lateral (select pg_catalog.regexp_replace(f.prosrc,
		'--[^\n]*|/\*([^*]|\*+[^*/])*\*+/', ' ', 'g')) as b (body)
	cross join pattern p
	-- ROW, BEFORE and UPDATE are the bits 1, 2 and 16 of tgtype.
	where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled in ('O', 'A')
		and g.tgtype::pg_catalog.int4 & 19 = 19
	order by g.tgname desc limit 1) g on true
where n.nspname = :'schema' and c.relkind in ('r', 'p') and not c.relispartition
	and c.relpersistence <> 't'
order by c.relname
