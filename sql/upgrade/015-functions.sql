-- SPDX-License-Identifier: MIT
-- What people call from psql. They run with their owner's rights, so that a
-- submitter needs no UPDATE on the queue.

create function reportd.submit(
	report_name text,
	export_sql text default null,
	prep_sql text default null,
	parameters jsonb default '{}',
	output_format text default 'CSV',
	output_path text default null,
	output_options jsonb default '{}',
	priority int default 3,
	source text default 'default',
	report_type text default null,
	schedule_expression text default null,
	time_zone text default 'UTC',
	misfire_policy text default 'LATEST',
	timeout interval default null,
	max_retries int default 3,
	notify_on_completion text[] default null,
	notify_on_failure text[] default null
) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
	insert into reportd.report_config (report_name, report_type, trigger_type,
		schedule_expression, time_zone, misfire_policy, priority, max_retries,
		timeout, source, prep_sql, export_sql, parameters, output_format,
		output_path, output_options, notify_on_completion, notify_on_failure)
	values ($1, $10, case when $11 is null then 'ADHOC' else 'SCHEDULED' end,
		$11, $12, $13, $8, $15, $14, $9, $3, $2, $4, $5, $6, $7, $16, $17)
	returning config_id
$$;
comment on function reportd.submit is
	'Asks for a report; SCHEDULED when a schedule_expression is given. Returns its config_id.';

create function reportd.notify_done(
	config_id bigint, run_id bigint, status text, output_url text
) returns void
language sql as $$
	-- A payload holds less than 8000 bytes; a URL that long is left out.
	select pg_catalog.pg_notify('reportd_done', pg_catalog.json_build_object(
		'config_id', $1, 'run_id', $2, 'status', $3, 'output_url',
		case when octet_length(pg_catalog.to_json($4)::text) < 7500 then $4 end)::text)
$$;

create function reportd.find_report(config_id bigint) returns reportd.report_config
language plpgsql as $$
declare
	c reportd.report_config;
begin
	select * into c from reportd.report_config r
	where r.config_id = find_report.config_id for update;
	if not found then
		perform reportd.refuse(
			format('there is no report %s', config_id),
			'See reportd.report_config, or `reportctl status`.');
	end if;
	return c;
end $$;

create function reportd.run_now(config_id bigint, parameters jsonb default '{}')
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config := reportd.find_report(config_id);
begin
	perform reportd.check_parameters(parameters);
	if c.status = 'PROCESSING' then
		perform reportd.refuse(
			format('report %s runs already, as run %s', c.config_id, c.run_id),
			'Wait for its end, or cancel it with reportd.cancel().');
	elsif not c.is_active then
		perform reportd.refuse(
			format('report %s is not active', c.config_id),
			'Set is_active to true first.');
	end if;
	update reportd.report_config r
	set status = 'PENDING', due_at = now(), scheduled_for = now(),
		run_parameters = nullif(run_now.parameters, '{}'), updated_timestamp = now()
	where r.config_id = c.config_id;
end $$;
comment on function reportd.run_now is
	'Runs a report now, once more or ahead of its schedule; parameters are laid over its own for this run.';

create function reportd.retry(config_id bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config := reportd.find_report(config_id);
begin
	if c.status not in ('FAILED', 'CANCELLED') then
		perform reportd.refuse(
			format('report %s is %s: there is nothing to retry', c.config_id, c.status),
			'To run a COMPLETED report once more use reportd.run_now().');
	end if;
	-- scheduled_for stays: the retry stands for the same time, same output.
	update reportd.report_config r
	set status = 'PENDING', due_at = now(), scheduled_for = c.scheduled_for,
		updated_timestamp = now()
	where r.config_id = c.config_id;
end $$;
comment on function reportd.retry is
	'Runs a FAILED or CANCELLED report again, for the same scheduled time.';

create function reportd.cancel(config_id bigint) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config := reportd.find_report(config_id);
begin
	if c.status = 'PROCESSING' then
		update reportd.report_config r
		set cancel_requested = true, updated_timestamp = now()
		where r.config_id = c.config_id;
		perform pg_notify('reportd_cancel', '');
		return 'CANCELLING';
	elsif c.status = 'PENDING' and c.due_at < 'infinity' then
		update reportd.report_config r
		set status = 'CANCELLED', updated_timestamp = now()
		where r.config_id = c.config_id;
		perform reportd.notify_done(c.config_id, null, 'CANCELLED', null);
		return 'CANCELLED';
	end if;
	perform reportd.refuse(
		format('report %s is %s: there is nothing to cancel', c.config_id,
			case when c.status = 'PENDING' then 'waiting for its schedule'
				else c.status end),
		'To stop a schedule set is_active to false.');
end $$;
comment on function reportd.cancel is
	'Cancels a waiting report at once (CANCELLED) or asks its daemon to stop it (CANCELLING).';

-- What the daemon's statements compute from a row's own texts. A row that has
-- become wrong (a zone that this server does not know, after a restore) must
-- fail alone, not the statement that serves all of them.

create function reportd.plan_fire(
	expression text, time_zone text, misfire_policy text,
	next_run_time timestamptz, grace interval,
	out scheduled_for timestamptz, out next_time timestamptz, out error text
) language plpgsql stable as $$
begin
	if misfire_policy = 'ALL' then
		scheduled_for := next_run_time;
		next_time := reportd.next_run(expression, time_zone, next_run_time);
	else
		scheduled_for := greatest(next_run_time,
			reportd.prev_run(expression, time_zone, now()));
		if misfire_policy = 'SKIP' and now() - scheduled_for > grace then
			scheduled_for := null;
		end if;
		next_time := reportd.next_run(expression, time_zone, now());
	end if;
exception when others then
	scheduled_for := null;
	next_time := null;
	error := 'the schedule cannot be read and fires no more until schedule_expression or time_zone is set anew: '
		|| sqlerrm;
end $$;
comment on function reportd.plan_fire is
	'For which time a due schedule runs (null: it is skipped) and when it is due next.';

create function reportd.local_time(at timestamptz, time_zone text) returns timestamp
language plpgsql stable as $$
begin
	return at at time zone time_zone;
exception when others then
	return null;
end $$;
