-- SPDX-License-Identifier: MIT
-- Whether there is a reportd schema at all; schema_version.sql fails without one.
-- No parameters; one row: installed boolean.
select pg_catalog.to_regclass('reportd.schema_upgrade') is not null as installed
