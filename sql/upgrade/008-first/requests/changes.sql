-- SPDX-License-Identifier: MIT
-- Changing and deleting a report, by the rules of calls.sql.

create function reportd.change(config_id bigint, changes jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	known constant text[] := '{report_key,report_name,report_type,owner,trigger_type,schedule_expression,time_zone,misfire_policy,run_after,wait_timeout,inputs,next_run_time,is_active,priority,max_retries,timeout,source,prep_sql,export_sql,result_sql,horizon_overlap,checks,min_score,parameters,output_format,output_path,output_options,notify_on_completion,notify_on_failure}';
	c reportd.report_config;
	bad text;
	refusal text;
	mend text;
begin
	c := reportd.find_report(config_id);
	if jsonb_typeof(changes) is distinct from 'object' then
		perform reportd.refuse(
			format('changes must be a JSON object, not %s',
				coalesce(jsonb_typeof(changes), 'null')),
			'Write columns and their new values, such as {"priority": 1, "timeout": "10 min"}.');
	end if;
	select k into bad from jsonb_object_keys(changes) k where k <> all (known) limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('"%s" is no column that can be changed', bad),
			format('Known: %s.', array_to_string(known, ', ')));
	end if;
	-- The table says which columns have no null.
	select a.attname into bad from pg_attribute a
	where a.attrelid = 'reportd.report_config'::regclass and a.attnotnull
		and changes -> a.attname = 'null' limit 1;
	if bad is not null then
		perform reportd.refuse(format('%s cannot be null', bad),
			'Write its new value, or leave it out to keep the old one.');
	end if;
	begin
		c := jsonb_populate_record(c, changes);
	exception when data_exception or invalid_text_representation
		or invalid_parameter_value or undefined_object or invalid_name or name_too_long then
		perform reportd.refuse(format('changes: %s', sqlerrm),
			'Write the new values as JSON, such as {"priority": 1, "timeout": "10 min"}.');
	end;
	if changes ? 'trigger_type' and upper(c.trigger_type) <> (
			select r.trigger_type from reportd.report_config r where r.config_id = c.config_id)
		and (reportd.is_busy(c) or c.requests_wait or exists (
			select from reportd.report_request q
			where q.config_id = c.config_id and q.state = 'WAITING')) then
		perform reportd.refuse(
			format('report %s has a request in hand, which its trigger_type cannot change under', c.config_id),
			'Wait for its end, or cancel it with reportd.cancel().');
	end if;
	if changes ? 'owner' and not (pg_has_role(reportd.acting_role(), c.owner, 'USAGE')
		or pg_has_role(reportd.acting_role(), 'reportd_operator', 'USAGE')) then
		perform reportd.refuse(
			format('%s is no member of %s', reportd.acting_name(), c.owner),
			'Give the report to a role of yours, or ask an operator.');
	end if;
	update reportd.report_config r
	set report_key = c.report_key, report_name = c.report_name,
		report_type = c.report_type, owner = c.owner, trigger_type = c.trigger_type,
		schedule_expression = c.schedule_expression,
		time_zone = c.time_zone, misfire_policy = c.misfire_policy,
		run_after = c.run_after, wait_timeout = c.wait_timeout, inputs = c.inputs,
		next_run_time = c.next_run_time, is_active = c.is_active,
		priority = c.priority, max_retries = c.max_retries,
		timeout = c.timeout, source = c.source,
		prep_sql = c.prep_sql, export_sql = c.export_sql,
		result_sql = c.result_sql, horizon_overlap = c.horizon_overlap,
		checks = c.checks, min_score = c.min_score,
		parameters = c.parameters, output_format = c.output_format,
		output_path = c.output_path, output_options = c.output_options,
		notify_on_completion = c.notify_on_completion,
		notify_on_failure = c.notify_on_failure
	where r.config_id = c.config_id;
	if changes ? 'owner' then
		update reportd.report_request q set owner = c.owner where q.config_id = c.config_id;
		update reportd.report_run q set owner = c.owner where q.config_id = c.config_id;
		update reportd.report_check q set owner = c.owner
		where q.run_id in (select r.run_id from reportd.report_run r
			where r.config_id = c.config_id and r.score is not null);
		update reportd.report_notification q set owner = c.owner
		where q.config_id = c.config_id;
	end if;
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.change is
	'Changes columns of a report: reportd.change(8, ''{"priority": 1, "schedule_expression": "0 7 * * *"}''). What runs already goes on as it was.';

create function reportd.delete(config_id bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	refusal text;
	mend text;
begin
	c := reportd.find_report(config_id);
	delete from reportd.report_config r where r.config_id = c.config_id;
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.delete is
	'Deletes a report and what waits of it; a run that is under way publishes nothing. Its runs stay in report_run.';
