-- SPDX-License-Identifier: MIT
-- Submits and changes reports, all of them or none, as ingest_plan.sql has found.
-- $1 jsonb array: its reports
-- A row for each that was submitted or changed: the request that reads it from its first
-- row; null: none.
select case when r.done is not null and r.again then
	reportd.run_now(r.config_id, '{"last__horizon": null}') end as request_id
from (
	select a.config_id, a.again, case
		when a.config_id is null then (select reportd.submit(report_name => b ->> 'report_name',
			report_key => b ->> 'report_key', report_type => b ->> 'report_type',
			source => b ->> 'source', schedule_expression => b ->> 'schedule_expression',
			time_zone => b ->> 'time_zone', export_sql => b ->> 'export_sql',
			parameters => b -> 'parameters', output_format => b ->> 'output_format',
			output_path => b ->> 'output_path', output_options => b -> 'output_options',
			horizon_overlap => (b ->> 'horizon_overlap')::interval, checks => b -> 'checks',
			notify_on_failure => (select array_agg(u)
				from jsonb_array_elements_text(nullif(b -> 'notify_on_failure', 'null')) u))
			from (select a.given as b) g)
		else (select 1 from reportd.change(a.config_id, a.changes)) end as done
	from jsonb_to_recordset($1::jsonb) a
		(config_id bigint, given jsonb, changes jsonb, again boolean)
	where a.config_id is null or a.changes is not null
	offset 0) r
