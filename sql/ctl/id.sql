-- SPDX-License-Identifier: MIT
-- Finds the report with a key. $1 report_key. One row: config_id.
select reportd.id($1)
