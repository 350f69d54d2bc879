-- SPDX-License-Identifier: MIT
-- Reports, by name or the beginning of their IDs.
-- $1 a part of the name or the beginning of the ID, or null for all; $2 limit int
-- One row: a json array. next_run_local is in the report's own zone.
select coalesce(json_agg(q), '[]') from (
	select c.config_id, c.report_key, c.report_name, c.report_type, c.trigger_type, c.status,
		c.is_active, c.schedule_expression, c.time_zone, c.next_run_time,
		-- A server may have forgotten a zone.
		case when c.time_zone in (select z.name from pg_timezone_names z) then
			to_char(c.next_run_time at time zone c.time_zone,
				'YYYY-MM-DD"T"HH24:MI:SS') end as next_run_local,
		c.last_run_time
	from reportd.report_config c
	where $1::text is null
		or strpos(lower(c.report_name), lower($1)) > 0
		or strpos(lower(c.report_key), lower($1)) > 0
		or starts_with(c.config_id::text, $1)
	order by c.config_id
	limit $2::int
) q
