-- SPDX-License-Identifier: MIT
-- Returns the versions of schema and server. No parameters; one row: the schema's version,
-- the oldest schema version whose programs this schema still serves, the server's version,
-- whether the server only reads.
select coalesce(max(u.version), 0) as version,
	-- Read by way of JSON, because version 7 lacks the column.
	coalesce(max((to_jsonb(u) ->> 'serves')::int), 0) as serves,
	current_setting('server_version_num')::int as server,
	pg_catalog.pg_is_in_recovery() as read_only
from reportd.schema_upgrade u
