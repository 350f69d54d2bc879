-- SPDX-License-Identifier: MIT
-- Lets FAILED files of a report be taken once more.
-- $1 config_id bigint, $2 input or null for all, $3 url or null for all
-- One row: how many.
select reportd.release_input($1::bigint, $2, $3)
