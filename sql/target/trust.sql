-- SPDX-License-Identifier: MIT
-- Who else has statements run with the rights of this login when it writes the table $1 oid:
-- triggers, defaults, conditions and types are chosen by the owner of a table, and run as whoever
-- writes it. So do triggers of its partitions, and of tables that follow it by a foreign key. Who
-- may act as the login is trusted, such as its members and superusers. No row: nobody else; one
-- row: what, as the beginning of a sentence, and the name of its owner.
with recursive written (oid) as (
	select $1::pg_catalog.oid
	union
	select n.oid from written w
	cross join lateral (
		select i.inhrelid as oid from pg_catalog.pg_inherits i
		join pg_catalog.pg_class c on c.oid = i.inhrelid
		where i.inhparent = w.oid and c.relispartition
		union all
		select k.conrelid from pg_catalog.pg_constraint k
		where k.confrelid = w.oid and k.contype = 'f'
			and (k.confdeltype in ('c', 'n', 'd') or k.confupdtype in ('c', 'n', 'd'))) n
), thing (place, what, owner) as (
	select 1, case when c.oid = $1::pg_catalog.oid then 'it'
		else pg_catalog.format('the table %s, which is written with it,', c.oid::pg_catalog.regclass) end,
		c.relowner
	from written w join pg_catalog.pg_class c on c.oid = w.oid
	union all
	select 2, pg_catalog.format('the function %s of its trigger %I',
		p.oid::pg_catalog.regprocedure, t.tgname), p.proowner
	from written w
	join pg_catalog.pg_trigger t on t.tgrelid = w.oid and not t.tgisinternal
	join pg_catalog.pg_proc p on p.oid = t.tgfoid
)
select t.what, pg_catalog.pg_get_userbyid(t.owner) as owner from thing t
where not pg_catalog.pg_has_role(t.owner, session_user, 'MEMBER')
order by t.place, t.what limit 1
