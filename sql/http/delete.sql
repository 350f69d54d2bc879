-- SPDX-License-Identifier: MIT
-- Deletes a report. $1 config_id or report_key. One row: null; no row: there is none.
select nullif(reportd.delete(c.config_id)::text, '')
from reportd.report_config c
where c.config_id = case when $1 ~ '^[0-9]{1,18}$' then $1::bigint end or c.report_key = $1
