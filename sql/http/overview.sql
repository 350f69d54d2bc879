-- SPDX-License-Identifier: MIT
-- Reports that run, are due or have failed, and the daemons. $1: not null asks daemons for
-- progress each second. One row: {"at", "role", "may", "daemons", "running",
-- "due_count", "due", "failed_count", "failed", "notices"}.
select json_build_object(
	'at', now(), 'role', current_user,
	'may_submit', pg_has_role('reportd_submitter', 'USAGE'),
	'daemons', (select coalesce(json_agg(q), '[]') from (
		select w.worker_id, w.host, w.version, w.workers, w.started_at,
			round(extract(epoch from now() - w.heartbeat_at)::numeric, 1) as heartbeat_age,
			d.worker_id is not null as alive
		from reportd.report_worker w
		left join reportd.running_daemon d on d.worker_id = w.worker_id order by w.host, w.pid) q),
	'running', (select coalesce(json_agg(q), '[]') from (
		select r.run_id, c.config_id, c.report_key, c.report_name, c.owner::text as owner,
			r.attempt, r.stage, r.row_count, r.byte_count, r.started_at,
			round(extract(epoch from now() - r.started_at)::numeric, 1) as seconds,
			p.row_count as last_rows, round(extract(epoch from p.took)::numeric, 1)
				as last_seconds, c.cancel_requested
		from reportd.report_config c
		join reportd.report_run r using (run_id)
		left join lateral (
			select p.row_count, p.finished_at - p.started_at as took
			from reportd.report_run p
			where p.config_id = c.config_id and p.run_id < c.run_id
				and p.status = 'COMPLETED'
			order by p.run_id desc limit 1) p on true
		where c.status = 'PROCESSING'
		order by r.run_id limit 200) q),
	'due_count', (select count(*) from reportd.v_pending_reports),
	'due', (select coalesce(json_agg(q), '[]') from (
		select v.config_id, v.report_key, v.report_name, v.owner::text as owner,
			v.trigger_type, v.priority, v.source, v.attempt, v.due_at,
			round(extract(epoch from v.waiting)::numeric, 1) as seconds
		from reportd.v_pending_reports v limit 50) q),
	'failed_count', (select count(*) from reportd.report_config c where c.status = 'FAILED'),
	'failed', (select coalesce(json_agg(q), '[]') from (
		select c.config_id, c.report_key, c.report_name, c.owner::text as owner, c.run_id,
			c.error_message, c.error_timestamp, r.error_stage, r.error_sqlstate,
			c.current_retries
		from reportd.report_config c
		left join reportd.report_run r on r.run_id = c.run_id
		where c.status = 'FAILED'
		order by c.error_timestamp desc nulls last limit 50) q),
	'notices', json_build_object(
		'waiting', (select count(*) from reportd.report_notification n
			where n.state in ('PENDING', 'SENDING')),
		'failed', (select count(*) from reportd.report_notification n
			where n.state = 'FAILED' and n.created_at > now() - interval '1 day')))
from (select case when $1::text is not null then pg_notify('reportd_watch', '') end) w
