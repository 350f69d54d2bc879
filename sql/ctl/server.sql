-- SPDX-License-Identifier: MIT
-- The server and the login. No parameters; one row: version number, version,
-- database, user, and whether the server refuses writes.
select current_setting('server_version_num')::int as number,
	current_setting('server_version') as version, current_database() as database,
	current_user as "user",
	pg_catalog.pg_is_in_recovery()
		or current_setting('default_transaction_read_only') = 'on' as read_only
