-- SPDX-License-Identifier: MIT
-- Everything about one report, with times in its zone.
-- $1 config_id bigint
-- One row: json object, or none when there is no such report.
with zone as materialized (
	-- Sets the time zone in which this transaction writes times.
	select set_config('TimeZone', c.time_zone, true) as name
	from reportd.report_config c where c.config_id = $1
		and exists (select from pg_timezone_names z where z.name = c.time_zone)
)
select row_to_json(q) from (
	select c.config_id, c.report_key, c.report_name, c.owner::text as owner, c.report_type, c.trigger_type, c.status,
		c.is_active, c.priority, c.schedule_expression, c.time_zone,
		c.misfire_policy, case when c.is_active then c.next_run_time end as next_run_time,
		c.last_run_time, reportd.why(c.config_id) as why,
		c.run_after, c.wait_timeout::text as wait_timeout, c.inputs,
		case when c.inputs is not null then (
			select jsonb_object_agg(i.state, i.n) from (select v.state, count(*) as n
				from reportd.v_inputs v where v.config_id = c.config_id group by v.state) i) end
			as input_files,
		case when c.has_children then (
			select array_agg(coalesce(k.report_key, k.config_id::text) order by k.config_id)
			from reportd.report_config k where c.report_key = any (k.run_after)) end
			as followed_by,
		nullif(c.due_at, 'infinity') as due_at, c.scheduled_for, c.run_id,
		c.current_retries, c.max_retries, c.timeout::text as timeout, c.source,
		c.parameters, c.run_parameters, c.output_format, c.output_path,
		c.output_options,
		-- A Slack URL is a secret: whoever has it can post, so it is shortened.
		(select array_agg(case reportd.notice_channel(u) when 'slack'
				then 'slack:' || reportd.notice_shown(u) || '/…' else u end)
			from unnest(c.notify_on_completion) u) as notify_on_completion,
		(select array_agg(case reportd.notice_channel(u) when 'slack'
				then 'slack:' || reportd.notice_shown(u) || '/…' else u end)
			from unnest(c.notify_on_failure) u) as notify_on_failure,
		c.checks, c.min_score,
		(select json_agg(json_build_object('run_id', k.run_id, 'name', k.name,
				'severity', k.severity, 'status', k.status, 'failures', k.failures,
				'total', k.total, 'sample', k.sample, 'message', k.message) order by k.position)
			from reportd.report_check k where k.run_id = c.run_id) as last_checks,
		c.created_by, c.created_timestamp, c.updated_timestamp,
		c.cancel_requested, c.error_message, c.error_timestamp, c.prep_sql,
		c.export_sql, c.result_sql, c.horizon_overlap::text as horizon_overlap, l.result, l.horizon
	from (select max(name) from zone) z
	cross join reportd.report_config c
	left join reportd.report_request l on l.config_id = c.config_id and l.newest
	where c.config_id = $1
) q
