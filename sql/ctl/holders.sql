-- SPDX-License-Identifier: MIT
-- Lists the sessions that hold locks on tables of the schema which exclude an upgrade. No parameters; one row: a
-- text such as "ann (process 4711, psql)"; empty when there are none any more.
select coalesce(string_agg(h.name, ', '), '') as holders
from (select distinct format('%s (process %s%s)', a.usename, a.pid,
		', ' || nullif(a.application_name, '')) as name
	from pg_locks l
	join pg_class c on c.oid = l.relation and c.relnamespace = to_regnamespace('reportd')
	join pg_stat_activity a on a.pid = l.pid
	where l.granted and l.pid <> pg_backend_pid()
		and l.database = (select d.oid from pg_database d where d.datname = current_database())
	order by name limit 20) h
