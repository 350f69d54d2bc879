-- SPDX-License-Identifier: MIT
-- Runs a failed report again. $1 config_id bigint. One row: PENDING.
select 'PENDING' from reportd.retry($1)
