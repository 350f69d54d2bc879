-- SPDX-License-Identifier: MIT
-- Cancels a request of a report. $1 config_id bigint, $2 request_id bigint or null for the
-- one in hand. One row: a json object, {"status": CANCELLED or CANCELLING, "request_id"}.
with asked as materialized (
	-- The one in hand is named, so that no other is cancelled that has followed it meanwhile.
	select coalesce($2::bigint, (
		select c.request_id from reportd.report_config c
		where c.config_id = $1 and (c.status = 'PROCESSING'
			or c.status = 'PENDING' and c.due_at < 'infinity'))) as request_id
)
select json_build_object('status', reportd.cancel($1, a.request_id), 'request_id', a.request_id)
from asked a
