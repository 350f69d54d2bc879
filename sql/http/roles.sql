-- SPDX-License-Identifier: MIT
-- Roles of tokens that nobody may act as. $1 name[]. Rows: role, sentence.
select t.role, case
	when r.oid is null then
		pg_catalog.format('there is no role "%s" in the database', t.role)
	when r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolreplication
		or pg_catalog.pg_has_role(r.oid, 'reportd_owner', 'MEMBER')
		or pg_catalog.pg_has_role(r.oid, 'reportd_daemon', 'MEMBER') then
		pg_catalog.format('the role "%s" may do too much for a token: give it one of a submitter, operator or viewer',
			t.role)
	else pg_catalog.format('the login of the HTTP server may not act as "%1$s": grant %1$I to %2$I',
		t.role, session_user) end
from (select distinct pg_catalog.unnest($1::name[]) as role) t
left join pg_catalog.pg_roles r on r.rolname = t.role
where r.oid is null or r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolreplication
	or pg_catalog.pg_has_role(r.oid, 'reportd_owner', 'MEMBER')
	or pg_catalog.pg_has_role(r.oid, 'reportd_daemon', 'MEMBER')
	or not pg_catalog.pg_has_role(r.oid, 'MEMBER')
