-- SPDX-License-Identifier: MIT
-- Submits a report. $1 jsonb object: the parameters of reportd.submit(); one that is not
-- there has its default. One row: {"config_id"}.
select json_build_object('config_id', reportd.submit(
	report_name => b ->> 'report_name', export_sql => b ->> 'export_sql',
	prep_sql => b ->> 'prep_sql', parameters => coalesce(b -> 'parameters', '{}'),
	output_format => coalesce(b ->> 'output_format', 'CSV'),
	output_path => b ->> 'output_path',
	output_options => coalesce(b -> 'output_options', '{}'),
	priority => coalesce((b ->> 'priority')::int, 3),
	source => coalesce(b ->> 'source', 'default'), report_type => b ->> 'report_type',
	schedule_expression => b ->> 'schedule_expression',
	time_zone => coalesce(b ->> 'time_zone', 'UTC'),
	misfire_policy => coalesce(b ->> 'misfire_policy', 'LATEST'),
	timeout => (b ->> 'timeout')::interval,
	max_retries => coalesce((b ->> 'max_retries')::int, 3),
	notify_on_completion => (select array_agg(u)
		from jsonb_array_elements_text(nullif(b -> 'notify_on_completion', 'null')) u),
	notify_on_failure => (select array_agg(u)
		from jsonb_array_elements_text(nullif(b -> 'notify_on_failure', 'null')) u),
	report_key => b ->> 'report_key',
	run_after => (select array_agg(u)
		from jsonb_array_elements_text(nullif(b -> 'run_after', 'null')) u),
	wait_timeout => (b ->> 'wait_timeout')::interval,
	inputs => nullif(b -> 'inputs', 'null'), result_sql => b ->> 'result_sql',
	horizon_overlap => (b ->> 'horizon_overlap')::interval,
	checks => nullif(b -> 'checks', 'null'), min_score => (b ->> 'min_score')::int))
from (select $1::jsonb as b) p
