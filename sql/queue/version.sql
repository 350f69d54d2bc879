-- SPDX-License-Identifier: MIT
-- What server and schema this is. No parameters; one row.
select coalesce((select max(u.version) from reportd.schema_upgrade u), 0) as version,
	current_setting('server_version_num')::int as server,
	pg_catalog.pg_is_in_recovery() as read_only
