-- SPDX-License-Identifier: MIT
-- Adds the runs that have ended to the counters for monitoring. No parameters. One row.
select reportd.tally_runs()
