-- SPDX-License-Identifier: MIT
-- Who and where we are. No parameters; one row: version number, version,
-- database, user, and whether nothing can be written here.
select current_setting('server_version_num')::int as number,
	current_setting('server_version') as version, current_database() as database,
	current_user as "user",
	pg_catalog.pg_is_in_recovery()
		or current_setting('default_transaction_read_only') = 'on' as read_only
