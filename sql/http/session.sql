-- SPDX-License-Identifier: MIT
-- Says how the login of the HTTP server is wrong: it must have no rights of its own,
-- only be allowed to act as the roles of tokens. No parameters. One row: a sentence, or
-- null.
select case
	when r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolreplication then
		pg_catalog.format('the login "%s" is a superuser or has rights of its own', r.rolname)
	when pg_catalog.pg_has_role('reportd_owner', 'MEMBER')
		or pg_catalog.pg_has_role('reportd_daemon', 'MEMBER') then
		pg_catalog.format('the login "%s" is a member of reportd_owner or reportd_daemon',
			r.rolname)
	when pg_catalog.has_schema_privilege('reportd', 'USAGE') then
		pg_catalog.format('the login "%s" may use the schema by itself: it must be NOINHERIT, and nothing may be granted to it but roles',
			r.rolname)
	end
from pg_catalog.pg_roles r where r.rolname = session_user
