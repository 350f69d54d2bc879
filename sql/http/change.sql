-- SPDX-License-Identifier: MIT
-- Changes a report. $1 config_id or report_key, $2 jsonb object: columns and their new
-- values. One row: {"config_id"}; no row: there is none.
select json_build_object('config_id', c.config_id)
from (select c.config_id, reportd.change(c.config_id, $2::jsonb)
	from reportd.report_config c
	where c.config_id = case when $1 ~ '^[0-9]{1,18}$' then $1::bigint end
		or c.report_key = $1 offset 0) c
