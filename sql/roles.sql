-- SPDX-License-Identifier: MIT
-- Optional, least privilege: `reportctl init --roles`. Roles without login, to be
-- granted to the roles that people and daemons log in with.

do $$
declare
	name text;
begin
	foreach name in array array['reportd_daemon', 'reportd_submitter', 'reportd_viewer'] loop
		if not exists (select from pg_roles where rolname = name) then
			execute format('create role %I nologin', name);
		end if;
	end loop;
end $$;

grant usage on schema reportd to reportd_daemon, reportd_submitter, reportd_viewer;

grant select on all tables in schema reportd
	to reportd_daemon, reportd_submitter, reportd_viewer;
-- It deletes finished ADHOC reports when they pass the retention.
grant update, delete on reportd.report_config to reportd_daemon;
grant insert, update, delete on reportd.report_run, reportd.report_worker,
	reportd.report_notification to reportd_daemon;
-- The claim takes its numbers itself.
grant usage on sequence reportd.report_run_run_id_seq to reportd_daemon;

-- A submitter describes reports; the life of a run is the daemon's to write.
grant insert (report_name, report_type, trigger_type, schedule_expression, time_zone,
		misfire_policy, next_run_time, is_active, priority, max_retries, timeout,
		source, prep_sql, export_sql, parameters, output_format, output_path,
		output_options, notify_on_completion, notify_on_failure)
	on reportd.report_config to reportd_submitter;
revoke execute on function reportd.submit, reportd.run_now, reportd.retry, reportd.cancel,
		reportd.resend, reportd.resend_failed
	from public;
grant execute on function reportd.submit, reportd.run_now, reportd.retry, reportd.cancel,
		reportd.resend, reportd.resend_failed
	to reportd_submitter;
