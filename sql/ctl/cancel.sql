-- SPDX-License-Identifier: MIT
-- Cancels a request of a report. $1 config_id bigint, $2 request_id bigint or null for
-- the current one. One row: CANCELLED or CANCELLING.
select reportd.cancel($1, $2)
