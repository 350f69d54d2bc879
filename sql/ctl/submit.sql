-- SPDX-License-Identifier: MIT
-- Submits a report. A parameter that is null has the default of submit().
-- $1 report_name, $2 export_sql, $3 prep_sql, $4 parameters jsonb,
-- $5 output_format, $6 output_path, $7 output_options jsonb, $8 priority int,
-- $9 source, $10 report_type, $11 schedule_expression, $12 time_zone,
-- $13 misfire_policy, $14 timeout interval, $15 max_retries int, $16 report_key,
-- $17 notify_on_completion and $18 notify_on_failure: jsonb arrays of URLs, or null
-- $19 result_sql, $20 run_after: jsonb array of keys, or null, $21 wait_timeout interval,
-- $22 horizon_overlap interval, $23 inputs jsonb
-- One row: config_id.
select reportd.submit($1, $2, $3, $4::jsonb, coalesce($5, 'CSV'), $6, $7::jsonb,
	coalesce($8::int, 3), coalesce($9, 'default'), $10, $11, coalesce($12, 'UTC'),
	coalesce($13, 'LATEST'), $14::interval, coalesce($15::int, 3), report_key => $16,
	notify_on_completion => (select array_agg(u) from jsonb_array_elements_text($17::jsonb) u),
	notify_on_failure => (select array_agg(u) from jsonb_array_elements_text($18::jsonb) u),
	result_sql => $19,
	run_after => (select array_agg(k) from jsonb_array_elements_text($20::jsonb) k),
	wait_timeout => $21::interval, horizon_overlap => $22::interval,
	inputs => $23::jsonb) as config_id
