-- SPDX-License-Identifier: MIT
-- Asks for one more run. $1 config_id bigint, $2 parameters jsonb, $3 whether AFTER reports
-- follow boolean. One row: request_id.
select reportd.run_now($1, $2, $3)
