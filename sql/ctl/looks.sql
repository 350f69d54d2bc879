-- SPDX-License-Identifier: MIT
-- Tells the daemons that somebody looks: for the next ten seconds they store the
-- progress of their runs once a second. No parameters.
select pg_catalog.pg_notify('reportd_watch', '')
