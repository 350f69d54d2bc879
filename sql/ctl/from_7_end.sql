-- SPDX-License-Identifier: MIT
-- Fills the new schema from the one of version 7 that was set aside, and drops the old
-- one. A report belongs to the role in created_by; when that role no longer exists, to
-- the caller. Owners are granted exactly the sources and folders that their reports use.
-- The next daemon takes over reports that were PROCESSING, as if their daemon was lost.
reset role;
alter table reportd.report_config disable trigger user;

insert into reportd.report_config (config_id, report_name, report_type, owner,
	trigger_type, schedule_expression, time_zone, misfire_policy, next_run_time,
	last_run_time, status, is_active, priority, max_retries, current_retries, timeout,
	source, prep_sql, export_sql, parameters, output_format, output_path,
	output_options, notify_on_completion, notify_on_failure, created_by,
	created_timestamp, updated_timestamp, error_message, error_timestamp, run_id,
	request_id, due_at, scheduled_for, attempt, cancel_requested, run_parameters)
select c.config_id, c.report_name, c.report_type,
	coalesce(to_regrole(quote_ident(c.created_by)), to_regrole(quote_ident(current_user))),
	c.trigger_type, c.schedule_expression, c.time_zone, c.misfire_policy,
	c.next_run_time, c.last_run_time, c.status, c.is_active, c.priority, c.max_retries,
	c.current_retries, c.timeout, c.source, c.prep_sql, c.export_sql, c.parameters,
	c.output_format, c.output_path, c.output_options, c.notify_on_completion,
	c.notify_on_failure, c.created_by, c.created_timestamp, c.updated_timestamp,
	c.error_message, c.error_timestamp, c.run_id,
	case when c.status <> 'PENDING' or c.due_at < 'infinity'
		then nextval('reportd.report_request_request_id_seq') end,
	c.due_at, c.scheduled_for, c.attempt, c.cancel_requested, c.run_parameters
from reportd_7.report_config c order by c.config_id;

insert into reportd.report_run (run_id, config_id, request_id, owner, report_name,
	attempt, scheduled_for, status, stage, worker_id, started_at, prep_finished_at,
	finished_at, row_count, byte_count, output_url, sha256, outputs, remark, leftovers,
	error_stage, error_sqlstate, error_message, parameters)
overriding system value
select r.run_id, r.config_id, case when c.run_id = r.run_id then c.request_id end,
	coalesce(c.owner, to_regrole(quote_ident(current_user))), r.report_name, r.attempt,
	r.scheduled_for, r.status, r.stage, r.worker_id, r.started_at, r.prep_finished_at,
	r.finished_at, r.row_count, r.byte_count, r.output_url, r.sha256, r.outputs,
	r.remark, r.uploads, r.error_stage, r.error_sqlstate, r.error_message, r.parameters
from reportd_7.report_run r left join reportd.report_config c using (config_id)
order by r.run_id;

insert into reportd.report_notification (notification_id, run_id, config_id, owner,
	event, channel, recipient, url, state, attempts, due_at, worker_id, last_error,
	idempotency_key, created_at, sent_at)
overriding system value
select n.notification_id, n.run_id, n.config_id,
	coalesce(c.owner, to_regrole(quote_ident(current_user))), n.event, n.channel,
	n.recipient, n.url, n.state, n.attempts, n.due_at, n.worker_id, n.last_error,
	n.idempotency_key, n.created_at, n.sent_at
from reportd_7.report_notification n left join reportd.report_config c using (config_id)
order by n.notification_id;

select setval('reportd.report_config_config_id_seq', c.last_value, c.is_called)
	from reportd_7.report_config_config_id_seq c;
select setval('reportd.report_run_run_id_seq', c.last_value, c.is_called)
	from reportd_7.report_run_run_id_seq c;
select setval('reportd.report_notification_notification_id_seq', c.last_value, c.is_called)
	from reportd_7.report_notification_notification_id_seq c;

insert into reportd.report_source (source, type)
select distinct c.source, 'postgres' from reportd.report_config c;
insert into reportd.report_grant (kind, name, grantee, granted_by)
select distinct 'source', c.source, c.owner, 'upgrade'
from reportd.report_config c
where not pg_has_role(c.owner, 'reportd_operator', 'USAGE');
insert into reportd.report_grant (kind, name, grantee, granted_by)
select distinct 'write', coalesce(nullif(p.folder, ''), '/'), c.owner, 'upgrade'
from reportd.report_config c
cross join lateral (select substring(regexp_replace(c.output_path, '[{%].*$', '')
	from '^(.*/)') as folder) p
where not pg_has_role(c.owner, 'reportd_operator', 'USAGE')
	and c.output_path is not null and coalesce(p.folder, '') !~ '(^|/)\.'
	and coalesce(p.folder, '') !~ '^[A-Za-z][A-Za-z0-9+.-]*:/*$';

alter table reportd.report_config enable trigger user;
drop schema reportd_7 cascade;
