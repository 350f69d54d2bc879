-- SPDX-License-Identifier: MIT

-- The classes of waiting work, found by hopping over the index (a "loose index
-- scan"): as many probes as there are classes, however long the queue is.
create view reportd.pending_class as
with recursive class as (
	(select c.source, c.priority, c.trigger_type
	 from reportd.report_config c
	 where c.status = 'PENDING' and c.is_active
	 order by c.source, c.priority, c.trigger_type
	 limit 1)
	union all
	select n.source, n.priority, n.trigger_type
	from class p cross join lateral (
		select c.source, c.priority, c.trigger_type
		from reportd.report_config c
		where c.status = 'PENDING' and c.is_active
			and (c.source, c.priority, c.trigger_type)
				> (p.source, p.priority, p.trigger_type)
		order by c.source, c.priority, c.trigger_type
		limit 1) n
)
select class.source, class.priority, class.trigger_type from class;

create view reportd.v_pending_reports as
select c.config_id, c.report_name, c.report_type, c.trigger_type, c.priority,
	c.source, c.due_at, now() - c.due_at as waiting, c.scheduled_for,
	c.attempt, c.current_retries, c.max_retries
from reportd.report_config c
where c.status = 'PENDING' and c.is_active and c.due_at <= now()
order by c.priority, c.trigger_type, c.due_at, c.config_id;
comment on view reportd.v_pending_reports is
	'What would be claimed, in order (before ageing and the limits of sources).';

create view reportd.v_report_summary as
select c.trigger_type, c.status, count(*) as reports,
	count(*) filter (where c.is_active) as active,
	min(c.due_at) filter (where c.status = 'PENDING' and c.due_at < 'infinity') as oldest_due,
	min(c.next_run_time) filter (where c.is_active) as next_run_time
from reportd.report_config c
group by c.trigger_type, c.status
order by c.trigger_type, c.status;
comment on view reportd.v_report_summary is
	'Reports by trigger type and status.';

create view reportd.v_report_metrics as
with run as (
	select coalesce(c.report_type, '(none)') as report_type, r.run_id, r.status,
		r.row_count, r.byte_count, r.finished_at - r.started_at as took,
		r.prep_finished_at - r.started_at as prep,
		r.finished_at - coalesce(r.prep_finished_at, r.started_at) as export
	from reportd.report_run r
	left join reportd.report_config c using (config_id)
	where r.started_at >= now() - interval '24 hours'
), notice as (
	select run.report_type,
		count(*) filter (where n.state = 'SENT') as sent,
		count(*) filter (where n.state = 'FAILED') as failed,
		count(*) filter (where n.state in ('PENDING', 'SENDING')) as waiting
	from run join reportd.report_notification n using (run_id)
	group by run.report_type
)
select report_type, count(*) as runs,
	round(count(*) / 24.0, 2) as runs_per_hour,
	avg(prep) as prep_mean,
	percentile_cont(0.95) within group (order by prep) as prep_p95,
	avg(export) as export_mean,
	percentile_cont(0.95) within group (order by export) as export_p95,
	avg(took) as run_mean,
	percentile_cont(0.95) within group (order by took) as run_p95,
	count(*) filter (where status = 'FAILED') as failed,
	round(count(*) filter (where status = 'FAILED')
		/ nullif(count(*) filter (where status in ('COMPLETED', 'FAILED')), 0)::numeric, 4)
		as error_rate,
	sum(row_count) as row_count, sum(byte_count) as byte_count,
	coalesce((select n.sent from notice n where n.report_type = run.report_type), 0)
		as notices_sent,
	coalesce((select n.failed from notice n where n.report_type = run.report_type), 0)
		as notices_failed,
	coalesce((select n.waiting from notice n where n.report_type = run.report_type), 0)
		as notices_waiting
from run
group by report_type
order by report_type;
comment on view reportd.v_report_metrics is
	'The runs of the last 24 hours by report type: rate, durations by stage, errors, notices.';

create view reportd.v_notifications as
select n.notification_id, n.run_id, n.config_id, r.report_name, n.event, n.channel,
	n.recipient, n.state, n.attempts, n.last_error, n.created_at,
	case n.state when 'PENDING' then n.due_at end as due_at, n.sent_at,
	n.sent_at - n.created_at as took
from reportd.report_notification n
left join reportd.report_run r using (run_id);
comment on view reportd.v_notifications is
	'Notices with their states; without the secrets that URLs may hold.';
