-- SPDX-License-Identifier: MIT
-- Runs, the newest first; those of one report with times in its zone.
-- $1 config_id bigint or null for all, $2 status or null for any, $3 limit int
-- One row: a json array.
with zone as materialized (
	-- Sets the time zone in which this transaction writes times.
	select set_config('TimeZone', c.time_zone, true) as name
	from reportd.report_config c where c.config_id = $1::bigint
		and exists (select from pg_timezone_names z where z.name = c.time_zone)
)
select coalesce(json_agg(q), '[]') from (
	select r.run_id, r.config_id, (select c.report_key from reportd.report_config c
			where c.config_id = r.config_id) as report_key,
		r.report_name, r.owner::text as owner, r.attempt, r.status, r.stage,
		r.scheduled_for, r.started_at, r.prep_finished_at, r.finished_at,
		round(extract(epoch from coalesce(r.finished_at, now()) - r.started_at)::numeric, 3)
			as seconds,
		r.row_count, r.byte_count, r.output_url, r.sha256, r.error_stage,
		r.error_sqlstate, r.error_message, r.worker_id, r.outputs, r.remark, r.score,
		r.horizon, q.result as result_row
	from (select max(name) from zone) z
	cross join reportd.report_run r
	left join reportd.report_request q
		on q.request_id = r.request_id and q.run_id = r.run_id and q.result is not null
	where ($1::bigint is null or r.config_id = $1)
		and ($2::text is null or r.status = $2)
	order by r.run_id desc
	limit $3::int
) q
