-- SPDX-License-Identifier: MIT
-- Running, waiting and recently ended reports, and the daemons.
-- $1 most rows of "pending" and of "ended" int
-- One row: json {"at", "daemons", "running", "pending_count", "pending", "ended",
-- "notices": {"waiting", "failed"}}.
select json_build_object(
	'at', now(),
	'daemons', (select coalesce(json_agg(q), '[]') from (
		select w.worker_id, w.host, w.pid, w.version, w.workers, w.started_at,
			round(extract(epoch from now() - w.heartbeat_at)::numeric, 3)
				as heartbeat_age,
			case when d.worker_id is null then 'late' else 'alive' end as state
		from reportd.report_worker w
		left join reportd.running_daemon d on d.worker_id = w.worker_id
		order by w.host, w.pid) q),
	'running', (select coalesce(json_agg(q), '[]') from (
		select r.run_id, c.config_id, c.report_key, c.report_name, c.owner::text as owner,
			r.attempt, r.stage,
			r.row_count, r.byte_count,
			round(extract(epoch from now() - r.started_at)::numeric, 3) as seconds,
			p.row_count as total_rows, c.cancel_requested, r.worker_id
		from reportd.report_config c
		join reportd.report_run r using (run_id)
		left join lateral (
			select p.row_count from reportd.report_run p
			where p.config_id = c.config_id and p.run_id < c.run_id
				and p.status = 'COMPLETED'
			order by p.run_id desc limit 1) p on true
		where c.status = 'PROCESSING'
		order by r.run_id) q),
	'pending_count', (select count(*) from reportd.report_config c
		where c.status = 'PENDING' and c.is_active and c.due_at <= now()
			and c.due_at < 'infinity'), -- implied, and what the index says
	'pending', (select coalesce(json_agg(q), '[]') from (
		select v.config_id, v.report_key, v.report_name, v.owner::text as owner, v.trigger_type, v.priority, v.source,
			v.attempt, round(extract(epoch from v.waiting)::numeric, 3) as seconds
		from reportd.v_pending_reports v
		limit $1::int) q),
	'ended', (select coalesce(json_agg(q), '[]') from (
		select r.run_id, r.config_id, (select c.report_key from reportd.report_config c
				where c.config_id = r.config_id) as report_key,
			r.report_name, r.owner::text as owner, r.attempt, r.status,
			r.row_count, r.byte_count, r.finished_at,
			round(extract(epoch from r.finished_at - r.started_at)::numeric, 3)
				as seconds,
			r.output_url, r.outputs, r.remark, r.error_message
		from reportd.report_run r
		where r.status <> 'PROCESSING'
		order by r.run_id desc
		limit $1::int) q),
	'notices', json_build_object(
		'waiting', (select count(*) from reportd.report_notification n
			where n.state in ('PENDING', 'SENDING')),
		'failed', (select count(*) from reportd.report_notification n
			where n.state = 'FAILED' and n.created_at > now() - interval '1 day'))
)
