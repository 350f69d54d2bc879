-- SPDX-License-Identifier: MIT
-- Reports by number, from one on. $1 after which config_id, $2 limit, $3 a part of the name or key, $4
-- status, $5 trigger_type, $6 is_active. One row: {"items", "next"}.
with page as (
	select c.config_id, c.report_key, c.report_name, c.report_type, c.owner::text as owner,
		c.trigger_type, c.status, c.is_active, c.priority, c.source, c.schedule_expression,
		c.time_zone, c.run_after, case when c.is_active then c.next_run_time end as next_run_time,
		nullif(c.due_at, 'infinity') as due_at, c.last_run_time, c.output_format,
		c.run_id, c.request_id, c.error_message, c.error_timestamp
	from reportd.report_config c
	where c.config_id > coalesce($1::bigint, 0)
		and ($3::text is null or strpos(lower(c.report_name), lower($3)) > 0
			or strpos(lower(c.report_key), lower($3)) > 0)
		and ($4::text is null or c.status = upper($4))
		and ($5::text is null or c.trigger_type = upper($5))
		and ($6::boolean is null or c.is_active = $6::boolean)
	order by c.config_id
	limit least(greatest(coalesce($2::int, 50), 1), 500)
)
select json_build_object(
	'items', coalesce(json_agg(p order by p.config_id), '[]'),
	'next', case when count(*) = least(greatest(coalesce($2::int, 50), 1), 500)
		then max(p.config_id) end)
from page p
