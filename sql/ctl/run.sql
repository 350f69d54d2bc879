-- SPDX-License-Identifier: MIT
-- Runs a report now. $1 config_id bigint, $2 parameters jsonb
select reportd.run_now($1, $2)
