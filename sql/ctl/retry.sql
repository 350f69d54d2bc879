-- SPDX-License-Identifier: MIT
-- Runs a failed request again. $1 config_id bigint, $2 request_id bigint or null for
-- the current one, or else the newest. One row: PENDING.
select 'PENDING' from reportd.retry($1, $2)
