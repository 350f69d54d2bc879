-- SPDX-License-Identifier: MIT
-- Says what a report waits for, or how it ended. $1 config_id bigint, $2 request_id bigint or
-- null. One row: a sentence.
select reportd.why($1, $2)
