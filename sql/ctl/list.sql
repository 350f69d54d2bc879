-- SPDX-License-Identifier: MIT
-- Reports, by name or the beginning of their IDs, with their last results.
-- $1 a part of the name or the beginning of the ID, or null for all; $2 limit int
-- One row: a json array. next_run_local is in the report's own zone; `next` is the same
-- time in short form, or "paused".
select coalesce(json_agg(q), '[]') from (
	select c.config_id, c.report_key, coalesce(c.report_key, c.config_id::text) as called,
		c.report_name, c.report_type, c.owner::text as owner, c.trigger_type, c.status,
		c.is_active, c.schedule_expression, c.time_zone, c.next_run_time,
		to_char(z.next_run, 'YYYY-MM-DD"T"HH24:MI:SS') as next_run_local,
		coalesce(reportd.schedule_words(c.schedule_expression) || ' ' || replace(regexp_replace(c.time_zone, '^.*/', ''), '_', ' '),
			case c.trigger_type when 'ADHOC' then 'once' when 'FILE' then 'new files'
				when 'AFTER' then 'after ' || array_to_string(c.run_after, ', ') end) as schedule,
		case when not c.is_active then 'paused'
			when z.next_run < z.today + interval '7 days' then to_char(z.next_run, 'Dy HH24:MI')
			when z.next_run < z.today + interval '11 months'
				then to_char(z.next_run, 'DD Mon HH24:MI')
			else to_char(z.next_run, 'YYYY-MM-DD') end as next,
		case when c.status <> 'PENDING' or c.due_at < 'infinity' then c.status end as last_status,
		c.last_run_time,
		(select round(extract(epoch from coalesce(r.finished_at, now()) - r.started_at)::numeric, 3)
			from reportd.report_run r where r.run_id = c.run_id) as last_seconds
	from reportd.report_config c
	-- After an update, the server may no longer know a zone.
	cross join lateral (select c.next_run_time at time zone c.time_zone as next_run,
			now() at time zone c.time_zone as today
		where c.is_active and c.time_zone in (select n.name from pg_timezone_names n)
		union all select null, null
		limit 1) z
	where $1::text is null
		or strpos(lower(c.report_name), lower($1)) > 0
		or strpos(lower(c.report_key), lower($1)) > 0
		or starts_with(c.config_id::text, $1)
	order by c.config_id
	limit $2::int
) q
