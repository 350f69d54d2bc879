-- SPDX-License-Identifier: MIT
-- Cancels what waits or runs. $1 config_id or report_key, $2 jsonb {"request_id"}. One
-- row: {"status": "CANCELLED" | "CANCELLING"}; no row: there is no such report.
select json_build_object('status',
	reportd.cancel(c.config_id, ($2::jsonb ->> 'request_id')::bigint))
from reportd.report_config c
where c.config_id = case when $1 ~ '^[0-9]{1,18}$' then $1::bigint end or c.report_key = $1
