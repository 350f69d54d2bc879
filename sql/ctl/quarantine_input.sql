-- SPDX-License-Identifier: MIT
-- Moves FAILED files of a report to the quarantine of their input.
-- $1 config_id bigint, $2 input or null for all, $3 url or null for all
-- One row: how many.
select reportd.quarantine_input($1::bigint, $2, $3)
