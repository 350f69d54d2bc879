-- SPDX-License-Identifier: MIT
-- As retry.sql. One row: request_id, for who waits for its end.
select reportd.retry($1, $2)
