-- SPDX-License-Identifier: MIT
-- Begins the transaction of a request: it acts as the role of its token from here on.
-- Without a row the role stays the login, which has no rights. $1 role
select pg_catalog.set_config('role', r.rolname, true),
	pg_catalog.set_config('application_name', 'reportd-http', true),
	-- Who holds a lock keeps a session from others for this long.
	pg_catalog.set_config('lock_timeout', '1s', true),
	-- The session is planned for the daemon's look-ups; these read lists.
	pg_catalog.set_config('enable_seqscan', 'on', true),
	pg_catalog.set_config('enable_bitmapscan', 'on', true),
	pg_catalog.set_config('enable_hashjoin', 'on', true),
	pg_catalog.set_config('enable_mergejoin', 'on', true),
	pg_catalog.set_config('plan_cache_mode', 'force_custom_plan', true)
from pg_catalog.pg_roles r
where r.rolname = $1::name and not r.rolsuper and not r.rolbypassrls
	and not r.rolreplication and not r.rolcreaterole
	and not pg_catalog.pg_has_role(r.oid, 'reportd_owner', 'MEMBER')
	and not pg_catalog.pg_has_role(r.oid, 'reportd_daemon', 'MEMBER')
