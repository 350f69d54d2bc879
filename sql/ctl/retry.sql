-- SPDX-License-Identifier: MIT
-- Runs a failed request again. $1 config_id bigint, $2 request_id bigint or null for
-- the current one, or else the newest. One row: a json object, {"status": PENDING, "request_id"}.
select json_build_object('status', 'PENDING', 'request_id', reportd.retry($1, $2))
