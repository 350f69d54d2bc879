-- SPDX-License-Identifier: MIT
-- Asks for a run for each scheduled time. $1 config_id or report_key, $2 jsonb {"from",
-- "to"}. One row: {"request_ids"}; no row: there is no such report.
select json_build_object('request_ids', coalesce((select json_agg(q)
	from reportd.backfill(c.config_id, ($2::jsonb ->> 'from')::timestamptz,
		($2::jsonb ->> 'to')::timestamptz) q), '[]'))
from reportd.report_config c
where c.config_id = case when $1 ~ '^[0-9]{1,18}$' then $1::bigint end or c.report_key = $1
