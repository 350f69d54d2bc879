-- SPDX-License-Identifier: MIT
-- The schedules that fire next. $1 limit. One row: an array; local times are in each
-- report's own zone.
select coalesce(json_agg(q), '[]') from (
	select c.config_id, c.report_key, c.report_name, c.owner::text as owner,
		c.schedule_expression, c.time_zone, c.next_run_time,
		to_char(reportd.local_time(c.next_run_time, c.time_zone), 'Dy YYYY-MM-DD HH24:MI')
			as local, c.status, c.run_after
	from reportd.report_config c
	where c.trigger_type = 'SCHEDULED' and c.is_active and c.next_run_time is not null
	order by c.next_run_time, c.config_id
	limit least(greatest(coalesce($1::int, 50), 1), 500)) q
