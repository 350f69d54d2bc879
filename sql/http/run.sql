-- SPDX-License-Identifier: MIT
-- Asks for a run of a report. $1 config_id or report_key, $2 jsonb {"parameters",
-- "cascade"}. One row: {"request_id"}; no row: there is none.
select json_build_object('request_id', reportd.run_now(c.config_id,
	coalesce($2::jsonb -> 'parameters', '{}'),
	coalesce(($2::jsonb ->> 'cascade')::boolean, false)))
from reportd.report_config c
where c.config_id = case when $1 ~ '^[0-9]{1,18}$' then $1::bigint end or c.report_key = $1
