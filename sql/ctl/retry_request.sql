-- SPDX-License-Identifier: MIT
-- Runs a failed request again, like retry.sql. One row: request_id, for a client that
-- waits for its end.
select reportd.retry($1, $2)
