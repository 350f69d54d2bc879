-- SPDX-License-Identifier: MIT
-- Tells why the login of this session must not run SQL that others write: the login is,
-- or may become by SET ROLE, a role that reaches more than tables. $1 boolean: it is the
-- login of a target, which works a ledger; one row:
-- a text such as "alice may become boss, a superuser", or no row when nothing speaks
-- against the login. All names and operators are qualified, so that objects in the login's
-- search_path cannot change the result.
select case when m.rolname operator(pg_catalog.=) session_user
		then pg_catalog.format('%s is %s', session_user, d.why)
		else pg_catalog.format('%s may become %s, %s', session_user, m.rolname, d.why) end
from (select r.* from pg_catalog.pg_roles r
	where pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
	-- The offset makes the server test membership first, which costs less than the rest.
	offset 0) m
cross join lateral (select case
	when m.rolsuper then 'a superuser'
	when m.rolname::pg_catalog.text operator(pg_catalog.=) any (array[
			'pg_execute_server_program', 'pg_write_server_files',
			'pg_read_server_files']::pg_catalog.text[])
		then 'a role that reaches programs or files of the server'
	when m.rolname::pg_catalog.text operator(pg_catalog.=) any (array[
			'reportd_owner', 'reportd_daemon', 'reportd_operator']::pg_catalog.text[])
		or exists (select 1 from pg_catalog.pg_class c
			join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
			where n.nspname operator(pg_catalog.=) 'reportd'::pg_catalog.name
				and c.relname::pg_catalog.text operator(pg_catalog.=) any (array[
					'report_run', 'report_worker']::pg_catalog.text[])
				and c.relkind operator(pg_catalog.=) 'r'::pg_catalog."char"
				and pg_catalog.has_table_privilege(m.oid, c.oid, 'INSERT, UPDATE, DELETE'))
		then 'a role that works the queue of reportd'
	when not $1::pg_catalog.bool and exists (select from pg_catalog.pg_class c
			where c.relname operator(pg_catalog.=) 'reportd_load'::pg_catalog.name
				and c.relkind operator(pg_catalog.=) 'r'::pg_catalog."char"
				and pg_catalog.has_table_privilege(m.oid, c.oid, 'INSERT, UPDATE, DELETE'))
		then 'a role that works the ledger of a target'
	when m.rolname operator(pg_catalog.=) 'reportd_submitter'::pg_catalog.name
		or exists (select 1 from pg_catalog.pg_class c
			join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
			where n.nspname operator(pg_catalog.=) 'reportd'::pg_catalog.name
				and c.relname operator(pg_catalog.=) 'report_config'::pg_catalog.name
				and c.relkind operator(pg_catalog.=) 'r'::pg_catalog."char"
				and pg_catalog.has_any_column_privilege(m.oid, c.oid, 'INSERT'))
		then 'a role that asks for reports, in its name and of its groups'
	when m.rolcreaterole and pg_catalog.current_setting('server_version_num')::pg_catalog.int4
			operator(pg_catalog.<) 160000
		then 'a role that may grant itself others (CREATEROLE)'
	end as why) d
where d.why is not null
order by m.rolsuper desc, m.rolname
limit 1
