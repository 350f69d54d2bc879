-- SPDX-License-Identifier: MIT
-- Tells what the login of this session may that the daemon does not need, by itself or by
-- SET ROLE, such as "root is a superuser". No parameters; one row: text, null when there is
-- nothing.
select (
	select case when m.rolname = session_user then format('%s is %s', session_user, d.why)
		else format('%s may become %s, %s', session_user, m.rolname, d.why) end
	from (select r.* from pg_catalog.pg_roles r
		where pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')) m
	cross join lateral (select case
		when m.rolsuper then 'a superuser'
		when m.rolcreaterole then 'a role that makes roles'
		when m.rolcreatedb then 'a role that makes databases'
		when m.rolbypassrls then 'a role that sees every row'
		when m.rolreplication then 'a role that replicates the server'
		when m.rolname in ('pg_execute_server_program', 'pg_write_server_files',
			'pg_read_server_files') then 'a role that reaches programs or files of the server'
		when m.rolname = 'reportd_owner' then 'the owner of the queue''s schema'
		when m.rolname = 'reportd_operator' then 'a role that works on the reports of all'
		end as why) d
	where d.why is not null
	order by m.rolsuper desc, m.rolname <> session_user, m.rolname
	limit 1)
