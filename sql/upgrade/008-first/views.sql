-- SPDX-License-Identifier: MIT
-- Views run with their owner's rights, so row-level security has no effect in them: each
-- view has its own condition on the rows that it shows. (PostgreSQL 13 and 14 have no
-- security_invoker.) The barrier keeps functions of the caller away from other rows.
-- It lets through comparisons of texts, and EXPLAIN ANALYZE counts the rows that pass them in
-- each table. So the texts of a table that has no condition on its own owner stand in a CASE
-- with the owner of the other one: they are compared after the two are joined.

-- The classes of waiting work of each owner, found by hopping over the index (a
-- "loose index scan"): as many probes as there are classes, however long the queue
-- is. It ends after 256.
create view reportd.pending_class as
with recursive class as (
	(select c.owner, c.source, c.priority, c.trigger_type, 1 as n
	 from reportd.report_config c
	 where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
	 order by c.owner, c.source, c.priority, c.trigger_type
	 limit 1)
	union all
	select n.owner, n.source, n.priority, n.trigger_type, p.n + 1
	from class p cross join lateral (
		select c.owner, c.source, c.priority, c.trigger_type
		from reportd.report_config c
		where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
			and (c.owner, c.source, c.priority, c.trigger_type)
				> (p.owner, p.source, p.priority, p.trigger_type)
		order by c.owner, c.source, c.priority, c.trigger_type
		limit 1) n
	where p.n < 256
)
select class.owner, class.source, class.priority, class.trigger_type from class;

-- Schedules that fire when their time comes: nothing of theirs is under way.
create view reportd.schedule_at_rest as
select c.config_id, c.owner, c.next_run_time from reportd.report_config c
where c.trigger_type = 'SCHEDULED' and c.is_active
	and (c.status in ('COMPLETED', 'FAILED', 'CANCELLED')
		or c.status = 'PENDING' and c.due_at = 'infinity');

create view reportd.v_pending_reports with (security_barrier) as
select c.config_id, c.report_name, c.report_type, c.trigger_type, c.priority,
	c.source, c.due_at, now() - c.due_at as waiting, c.scheduled_for,
	c.attempt, c.current_retries, c.max_retries, c.owner, c.report_key, c.request_id
from reportd.report_config c
where c.status = 'PENDING' and c.is_active and c.due_at <= now()
	and c.due_at < 'infinity' -- implied, and what the index says
	and (pg_has_role(c.owner, 'USAGE')
		or (select pg_has_role('reportd_viewer', 'USAGE')))
order by c.priority, c.trigger_type <> 'ADHOC', c.due_at, c.config_id;
comment on view reportd.v_pending_reports is
	'The reports that are due, in the order of their claim, as it is without ageing, turns of owners and limits of sources.';

create view reportd.v_report_summary with (security_barrier) as
select c.trigger_type, c.status, count(*) as reports,
	count(*) filter (where c.is_active) as active,
	min(c.due_at) filter (where c.status = 'PENDING' and c.due_at < 'infinity') as oldest_due,
	min(c.next_run_time) filter (where c.is_active) as next_run_time
from reportd.report_config c
where (pg_has_role(c.owner, 'USAGE')
		or (select pg_has_role('reportd_viewer', 'USAGE')))
group by c.trigger_type, c.status
order by c.trigger_type, c.status;
comment on view reportd.v_report_summary is
	'Reports by trigger type and status.';

create view reportd.v_report_metrics with (security_barrier) as
with run as (
	select coalesce(c.report_type, '(none)') as report_type, r.run_id, r.status,
		r.row_count, r.byte_count, r.finished_at - r.started_at as took,
		r.prep_finished_at - r.started_at as prep,
		r.finished_at - coalesce(r.prep_finished_at, r.started_at) as export
	from reportd.report_run r
	left join reportd.report_config c using (config_id)
	where r.started_at >= now() - interval '24 hours'
		and (pg_has_role(r.owner, 'USAGE')
			or (select pg_has_role('reportd_viewer', 'USAGE')))
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

create view reportd.v_sources with (security_barrier) as
select s.source, s.type, s.seen_at,
	(select count(*) from reportd.running_daemon w
	 where s.source = any (w.sources)) as daemons,
	(select count(*) from reportd.report_config c
	 where c.status = 'PENDING' and c.is_active and c.due_at <= now()
		and c.due_at < 'infinity' and c.source = s.source
		and (pg_has_role(c.owner, 'USAGE')
			or (select pg_has_role('reportd_viewer', 'USAGE')))) as waiting,
	(select string_agg(case when g.grantee = 0::oid then 'public' else g.grantee::text end, ', '
			order by g.grantee::text)
	 from reportd.report_grant g
	 where g.kind = 'source' and g.name = s.source
		and (g.grantee = 0::oid or pg_has_role(g.grantee, 'USAGE')
			or (select pg_has_role('reportd_viewer', 'USAGE')))) as granted_to
from reportd.report_source s
where (select pg_has_role('reportd_viewer', 'USAGE'))
	or exists (select from reportd.report_grant g
		where g.kind = 'source' and g.name = s.source
			and (g.grantee = 0::oid or pg_has_role(g.grantee, 'USAGE')))
order by s.source;
comment on view reportd.v_sources is
	'The sources that reports may name, how many daemons have each, and how many reports are due for it.';

create view reportd.v_notifications with (security_barrier) as
select n.notification_id, n.run_id, n.config_id,
	case when n.owner::oid > 0 then r.report_name end as report_name, n.event, n.channel,
	n.recipient, n.state, n.attempts, n.last_error, n.created_at,
	case n.state when 'PENDING' then n.due_at end as due_at, n.sent_at,
	n.sent_at - n.created_at as took
from reportd.report_notification n
left join reportd.report_run r using (run_id)
where (pg_has_role(n.owner, 'USAGE')
		or (select pg_has_role('reportd_viewer', 'USAGE')));
comment on view reportd.v_notifications is
	'Notices with their states; without the secrets that URLs may hold.';

create function reportd.waits_for(request_id bigint) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform reportd.check_actor();
	-- A statement that asks for thousands gets names alone after a second.
	return (select case when clock_timestamp() - statement_timestamp() < interval '1 second'
				or c.run_after is null
			then reportd.waited_for(q, reportd.acting_role())
			else array_to_string(c.run_after, ', ')
				|| format('; select reportd.why(%s, %s) says more', q.config_id, q.request_id) end
		from reportd.report_request q
		join reportd.report_config c using (config_id)
		where q.request_id = waits_for.request_id and q.state = 'WAITING'
			and reportd.sees(reportd.acting_role(), q.owner));
end $$;
comment on function reportd.waits_for is
	'Says what a WAITING request waits for; null: the request is not WAITING.';

-- The union is inside of the view: if it were the view itself, the planner would take it
-- apart, and its barrier with it. Columns added outside of the union are computed only for
-- those who select them.
create view reportd.v_requests with (security_barrier) as
select u.*, case when u.status = 'WAITING' then reportd.waits_for(u.request_id) end as waits_for
from (
	select q.request_id, q.config_id,
		case when q.owner::oid > 0 then c.report_key end as report_key, coalesce(c.report_name,
			(select r.report_name from reportd.report_run r where r.run_id = q.run_id))
			as report_name,
		q.owner, q.reason, q.requested_by, q.requested_at, q.scheduled_for, q.parameters,
		case when q.state = 'ACTIVE' and c.status = 'PROCESSING' then 'PROCESSING'
			when q.state = 'ACTIVE' then 'PENDING'
			else coalesce(q.outcome, q.state) end as status,
		-- A request that is asked for again keeps its last run until the next one ends.
		case when q.state = 'ENDED' then q.run_id
			when q.state = 'ACTIVE' and c.attempt > 0 then c.run_id end as run_id,
		q.ended_at, case when q.state = 'ENDED' then q.error_message end as error_message,
		q.root,
		q.result, q.horizon
	from reportd.report_request q
	left join reportd.report_config c using (config_id)
	where (pg_has_role(q.owner, 'USAGE')
			or (select pg_has_role('reportd_viewer', 'USAGE')))
	union all
	-- The first request of an ADHOC report stands in its row alone.
	select c.request_id, c.config_id, c.report_key, c.report_name, c.owner, 'submit',
		c.created_by, c.created_timestamp, c.scheduled_for, c.run_parameters, c.status,
		case when c.attempt > 0 or c.status not in ('PENDING', 'PROCESSING') then c.run_id end,
		case when c.status not in ('PENDING', 'PROCESSING') then c.updated_timestamp end,
		c.error_message, null, null, null
	from reportd.report_config c
	where not c.request_kept and c.request_id is not null
		and (pg_has_role(c.owner, 'USAGE')
			or (select pg_has_role('reportd_viewer', 'USAGE')))) u;
comment on view reportd.v_requests is
	'All requests for reports: WAITING for other reports, QUEUED after another one, PENDING, PROCESSING, or how they ended.';
