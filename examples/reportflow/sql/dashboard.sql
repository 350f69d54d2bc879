-- SPDX-License-Identifier: MIT
-- Invocations, durations and checkpoints of the last day, from the audit trail of the queue.

\echo Invocations:
select date_trunc('hour', started_at) as hour, report_name, status, count(*) as runs,
	sum(row_count) as rows, sum(byte_count) as bytes
from reportd.report_run
where started_at >= now() - interval '1 day'
group by hour, report_name, status
order by hour, report_name, status;

\echo Durations, ms:
with took as (
	select r.report_name, s.stage, s.ms::numeric
	from reportd.report_run r
	cross join lateral jsonb_each_text(r.stage_ms) s (stage, ms)
	where r.started_at >= now() - interval '1 day'
	union all
	select report_name, 'whole run', extract(epoch from finished_at - started_at) * 1000
	from reportd.report_run
	where started_at >= now() - interval '1 day'
)
select report_name, stage, count(*) as runs,
	round(percentile_cont(0.5) within group (order by ms)::numeric) as median,
	round(percentile_cont(0.95) within group (order by ms)::numeric) as "95 %",
	round(max(ms)) as longest
from took
group by report_name, stage
order by report_name, median;

\echo Checkpoints of the last runs, ms:
select run_id as run, to_char(scheduled_for, 'YYYY-MM-DD HH24:MI') as stands_for, status,
	stage_ms->>'prep' as prep, stage_ms->>'check' as "check", stage_ms->>'export' as export,
	stage_ms->>'publish' as publish, row_count as rows,
	coalesce(error_stage || ': ' || error_message, output_url) as result
from reportd.report_run
order by run_id desc
limit 12;
