-- SPDX-License-Identifier: MIT
-- Before a claim under max_running: two daemons must not count at once. The key
-- is "reportd" in ASCII.
select pg_catalog.pg_advisory_xact_lock(32199680925529188)
