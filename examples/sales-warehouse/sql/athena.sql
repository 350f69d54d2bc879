-- SPDX-License-Identifier: MIT
-- The data of the stand-in for Athena: the database `sales` of the catalogue, here a schema, and
-- a function of Athena that PostgreSQL has not.
create schema sales;
select format('alter database %I set search_path = sales, public', current_database()) \gexec
create function date_format(date, text) returns text language sql immutable as $$
	select to_char($1, case $2 when '%x-W%v' then 'IYYY"-W"IW' end)$$;
