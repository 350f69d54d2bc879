-- SPDX-License-Identifier: MIT
-- Pauses a report: its schedule stops, and it cannot be run. $1 config_id or report_key.
-- One row: {"config_id", "is_active"}; no row: there is none.
select json_build_object('config_id', c.config_id, 'is_active', false)
from (select c.config_id, reportd.change(c.config_id, '{"is_active": false}')
	from reportd.report_config c
	where c.config_id = case when $1 ~ '^[0-9]{1,18}$' then $1::bigint end
		or c.report_key = $1 offset 0) c
