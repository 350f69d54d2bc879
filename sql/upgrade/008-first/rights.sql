-- SPDX-License-Identifier: MIT
-- The rights of each role. docs/security.md describes them in words; a test compares both
-- with the catalogue. sql/roles.sql makes the roles themselves.

revoke all on all tables in schema reportd from public;
revoke all on all sequences in schema reportd from public;
revoke all on all functions in schema reportd from public;
grant usage on schema reportd to reportd_submitter, reportd_operator, reportd_viewer,
	reportd_daemon;

-- ---- rows: a report belongs to a role, and so do its requests, runs and notices ----

do $$
declare
	name text;
begin
	foreach name in array '{report_config,report_request,report_run,report_check,report_notification}'::text[] loop
		execute format('alter table reportd.%I enable row level security', name);
		execute format('create policy daemon on reportd.%I to reportd_daemon using (true)', name);
		execute format('create policy seen on reportd.%I for select
			using (pg_has_role(owner, ''USAGE'')
				or (select pg_has_role(''reportd_viewer'', ''USAGE'')))', name);
	end loop;
end $$;
-- These ask for the role in their condition: a policy to a role is deleted by DROP OWNED
-- BY that role, which each of its members may say.
create policy submitted on reportd.report_config for insert
	with check ((select pg_has_role('reportd_submitter', 'USAGE'))
		and pg_has_role(owner, 'USAGE'));
create policy submitted_for on reportd.report_config for insert
	with check ((select pg_has_role('reportd_operator', 'USAGE')));

alter table reportd.report_source enable row level security;
create policy daemon on reportd.report_source to reportd_daemon using (true);
create policy seen on reportd.report_source for select
	using ((select pg_has_role('reportd_viewer', 'USAGE'))
		or exists (select from reportd.report_grant g
			where g.kind = 'source' and g.name = source
				and (g.grantee = 0::oid or pg_has_role(g.grantee, 'USAGE'))));
alter table reportd.report_target enable row level security;
create policy daemon on reportd.report_target to reportd_daemon using (true);
create policy seen on reportd.report_target for select
	using ((select pg_has_role('reportd_viewer', 'USAGE'))
		or exists (select from reportd.report_grant g
			where g.kind = 'target' and g.name = target
				and (g.grantee = 0::oid or pg_has_role(g.grantee, 'USAGE'))));
alter table reportd.queue_identity enable row level security;
create policy daemon on reportd.queue_identity for select to reportd_daemon using (true);
alter table reportd.report_grant enable row level security;
create policy daemon on reportd.report_grant for select to reportd_daemon using (true);
create policy seen on reportd.report_grant for select
	using ((select pg_has_role('reportd_viewer', 'USAGE'))
		or grantee = 0::oid or pg_has_role(grantee, 'USAGE'));
alter table reportd.report_quota enable row level security;
create policy daemon on reportd.report_quota for select to reportd_daemon using (true);
create policy operator on reportd.report_quota
	using ((select pg_has_role('reportd_operator', 'USAGE')));
create policy seen on reportd.report_quota for select
	using (role = 0::oid or pg_has_role(role, 'USAGE')
		or (select pg_has_role('reportd_viewer', 'USAGE')));
alter table reportd.report_usage enable row level security;
create policy daemon on reportd.report_usage to reportd_daemon using (true);
alter table reportd.owner_turn enable row level security;
alter table reportd.quota_check enable row level security;
create policy seen on reportd.report_usage for select
	using (pg_has_role(owner, 'USAGE')
		or (select pg_has_role('reportd_viewer', 'USAGE')));

-- ---- statistics ----

-- The planner's estimates, which EXPLAIN shows, tell how often a value stands in a table,
-- whoever's the rows are. So no statistics are kept of what people write; those of words that
-- statements of the daemon search by stay.
do $$
declare
	one record;
begin
	for one in
		select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
		where c.relnamespace = 'reportd'::regnamespace and c.relkind = 'r' and a.attnum > 0
			and not a.attisdropped
			and (a.atttypid in ('text'::regtype, 'text[]'::regtype, 'jsonb'::regtype)
				or a.attname = 'lane')
			and a.attname not in ('status', 'state', 'trigger_type', 'reason', 'outcome', 'event',
				'kind', 'move')
	loop
		execute format('alter table reportd.%I alter column %I set statistics 0',
			one.relname, one.attname);
	end loop;
end $$;

-- ---- tables ----

-- SELECT and INSERT take no lock on a table stronger than ROW EXCLUSIVE; UPDATE and DELETE
-- would allow one.
grant select on reportd.report_config, reportd.report_request, reportd.report_run,
		reportd.report_notification, reportd.report_source, reportd.report_grant,
		reportd.report_quota, reportd.report_usage, reportd.output_format, reportd.schema_upgrade, reportd.v_pending_reports,
		reportd.v_report_summary, reportd.v_report_metrics, reportd.v_notifications,
		reportd.v_requests, reportd.v_sources, reportd.v_inputs, reportd.v_zones,
		reportd.report_target, reportd.v_targets, reportd.report_check, reportd.v_checks,
		reportd.v_inboxes, reportd.v_inbox_rows
	to reportd_submitter, reportd_viewer, reportd_daemon;
grant select on reportd.report_worker, reportd.running_daemon to reportd_viewer, reportd_daemon;
-- The table of sources is left out: grants decide who may know which sources.
grant select (worker_id, host, pid, version, workers, lease, started_at, heartbeat_at)
	on reportd.report_worker to reportd_submitter;
grant select (worker_id) on reportd.running_daemon to reportd_submitter;
grant insert (report_key, report_name, report_type, trigger_type, schedule_expression,
		time_zone, misfire_policy, next_run_time, due_at, is_active, priority, max_retries,
		timeout, source, prep_sql, export_sql, parameters, output_format, output_path,
		output_options, notify_on_completion, notify_on_failure, run_after, wait_timeout,
		inputs, result_sql, horizon_overlap, checks, min_score)
	on reportd.report_config to reportd_submitter;
grant insert (owner) on reportd.report_config to reportd_operator;
grant insert, update, delete on reportd.report_quota to reportd_operator;

grant select on reportd.pending_class, reportd.schedule_at_rest to reportd_daemon;
-- For retention, which deletes finished ADHOC reports.
grant update, delete on reportd.report_config to reportd_daemon;
grant insert, update, delete on reportd.report_run, reportd.report_request,
	reportd.report_worker, reportd.report_usage to reportd_daemon;
grant update, delete on reportd.report_notification to reportd_daemon;
grant delete on reportd.report_check to reportd_daemon;
grant select, insert on reportd.report_look to reportd_daemon;
grant select on reportd.report_zone, reportd.report_input_use to reportd_daemon;
grant select, delete, update on reportd.report_input to reportd_daemon;
grant insert, update on reportd.report_source, reportd.report_target to reportd_daemon;
grant select on reportd.queue_identity to reportd_daemon;
grant select, update on reportd.claim_turn, reportd.count_turn to reportd_daemon;
-- The daemon's statements take numbers from these sequences themselves.
grant usage on sequence reportd.report_run_run_id_seq,
	reportd.report_request_request_id_seq to reportd_daemon;

-- ---- functions: what is not named here is for reportd's own functions alone ----

grant execute on function reportd.next_run, reportd.prev_run, reportd.next_runs,
		reportd.schedule_words, reportd.check_time_zone, reportd.notice_channel, reportd.notice_shown,
		reportd.local_time, reportd.why, reportd.waits_for, reportd.opens_more, reportd.file_fault,
		reportd.quiet_at, reportd.input_time
	to reportd_submitter, reportd_viewer, reportd_daemon;
grant execute on function reportd.submit, reportd.run_now, reportd.backfill,
		reportd.retry, reportd.cancel, reportd.change, reportd.delete, reportd.id,
		reportd.resend, reportd.resend_failed, reportd.release_input,
		reportd.quarantine_input
	to reportd_submitter;
grant execute on function reportd.grant_source, reportd.revoke_source,
		reportd.grant_target, reportd.revoke_target, reportd.register_target,
		reportd.forget_target,
		reportd.grant_path, reportd.revoke_path, reportd.register_source,
		reportd.forget_source
	to reportd_operator;
grant execute on function reportd.id, reportd.metrics, reportd.scale_demand to reportd_viewer;
grant execute on function reportd.wake_inboxes to reportd_submitter, reportd_viewer;
grant execute on function reportd.tell_progress, reportd.rescue, reportd.fire_schedules,
		reportd.follow_at_rest, reportd.end_sourceless, reportd.leftovers,
		reportd.pipelines_due, reportd.plan_fire, reportd.schedule_turns,
		reportd.keep_request, reportd.write_notices,
		reportd.notify_done, reportd.follow, reportd.set_aside,
		reportd.end_unclaimed, reportd.end_request, reportd.claim_candidates, reportd.denial,
		reportd.rare_members, reportd.quota_of, reportd.take_steps,
		reportd.set_files_aside, reportd.reaches, reportd.reaches_all,
		reportd.lose_run,
		reportd.claim_zones, reportd.take_page, reportd.claim_moves, reportd.record_moves,
		reportd.due_zones, reportd.due_moves, reportd.watched_paths, reportd.wake_paths,
		reportd.wake_objects, reportd.inbox_begin, reportd.inbox_step,
		reportd.inbox_fault, reportd.inbox_may_set, reportd.keep_checks, reportd.unrecorded,
		reportd.tally_runs, reportd.scale_take, reportd.scale_plan, reportd.scale_release,
		reportd.scale_may_leave, reportd.scale_leave
	to reportd_daemon;

-- Which rows are right must not depend on the settings of a session. The server reads the text of a
-- function when the session first calls it, and reads backslashes by this setting: so it is fixed in
-- each function that people call, at once or as a trigger.
do $$
declare
	f regprocedure;
begin
	for f in
		select p.oid from pg_proc p
		where p.pronamespace = 'reportd'::regnamespace and (p.prorettype = 'trigger'::regtype
			or has_function_privilege('reportd_submitter', p.oid, 'EXECUTE')
			or has_function_privilege('reportd_viewer', p.oid, 'EXECUTE')
			or has_function_privilege('reportd_operator', p.oid, 'EXECUTE'))
	loop
		execute format('alter function %s set standard_conforming_strings = on', f);
	end loop;
end $$;
