-- SPDX-License-Identifier: MIT
-- What server and schema this is. No parameters; one row: the schema's version, the
-- oldest version that programs may have been written for, the server's version,
-- whether nothing can be written here.
select coalesce(max(u.version), 0) as version,
	-- As JSON: schemas before version 18 have no such column.
	coalesce(max((to_jsonb(u) ->> 'serves')::int), 0) as serves,
	current_setting('server_version_num')::int as server,
	pg_catalog.pg_is_in_recovery() as read_only
from reportd.schema_upgrade u
