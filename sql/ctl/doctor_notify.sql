-- SPDX-License-Identifier: MIT
-- $1 a text that nobody else sends
select pg_catalog.pg_notify('reportd_doctor', $1)
