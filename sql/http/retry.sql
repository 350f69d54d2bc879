-- SPDX-License-Identifier: MIT
-- Runs a failed or cancelled request again. $1 config_id or report_key, $2 jsonb
-- {"request_id"}. One row: {"request_id"}; no row: there is no such report.
select json_build_object('request_id',
	reportd.retry(c.config_id, ($2::jsonb ->> 'request_id')::bigint))
from reportd.report_config c
where c.config_id = case when $1 ~ '^[0-9]{1,18}$' then $1::bigint end or c.report_key = $1
