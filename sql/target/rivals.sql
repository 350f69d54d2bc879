-- SPDX-License-Identifier: MIT
-- Ends the sessions of earlier attempts at the same request. Their worker may hang and hold
-- the ledger's row for ever; they may not commit any more. $1 application_name, which names
-- queue and request.
select pg_catalog.pg_terminate_backend(a.pid)
from pg_catalog.pg_stat_activity a
where a.usename = session_user and a.application_name = $1
	and a.datname = pg_catalog.current_database() and a.pid <> pg_catalog.pg_backend_pid()
