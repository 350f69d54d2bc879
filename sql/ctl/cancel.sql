-- SPDX-License-Identifier: MIT
-- Cancels a report. $1 config_id bigint. One row: CANCELLED or CANCELLING.
select reportd.cancel($1)
