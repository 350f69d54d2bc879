-- SPDX-License-Identifier: MIT
-- What people call from psql. They run with their owner's rights and ask who acts,
-- so that a submitter needs no UPDATE on the queue: with one it could lock the table.

-- While the server maintains a table (ANALYZE, autovacuum, REINDEX) it runs the
-- functions of that table's owner with that owner's rights, but in the session of
-- whoever started it, a superuser mostly: nobody acts there. UNLISTEN is refused in
-- such a place, and does nothing elsewhere.
create function reportd.check_actor() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	unlisten reportd_nobody;
exception when insufficient_privilege then
	raise exception using errcode = '42501',
		message = 'reports cannot be asked for while the server maintains a table or an index',
		hint = 'A function of an index, a default or a view must not call reportd.';
end $$;

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
	notify_on_failure text[] default null,
	report_key text default null,
	run_after text[] default null,
	wait_timeout interval default null
) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
	select reportd.check_actor();
	insert into reportd.report_config (report_name, report_type, trigger_type,
		schedule_expression, time_zone, misfire_policy, priority, max_retries,
		timeout, source, prep_sql, export_sql, parameters, output_format,
		output_path, output_options, notify_on_completion, notify_on_failure,
		report_key, run_after, wait_timeout)
	values ($1, $10, case when $11 is not null then 'SCHEDULED'
			when $19 is not null then 'AFTER' else 'ADHOC' end,
		$11, $12, $13, $8, $15, $14, $9, $3, $2, $4, $5, $6, $7, $16, $17, $18, $19, $20)
	returning config_id
$$;
comment on function reportd.submit is
	'Asks for a report; SCHEDULED when a schedule_expression is given, else AFTER when run_after is. Returns its config_id.';

-- Who listens hears of everybody's reports: numbers only, no names and no places.
create function reportd.notify_done(
	config_id bigint, request_id bigint, run_id bigint, status text
) returns void
language sql set search_path = pg_catalog, pg_temp as $$
	select pg_notify('reportd_done', json_build_object('config_id', $1,
		'request_id', $2, 'run_id', $3, 'status', $4)::text)
$$;

create function reportd.acting_name() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
	select pg_get_userbyid(reportd.acting_role())::text
$$;

create function reportd.may_act(owner regrole) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select pg_has_role(reportd.acting_role(), $1, 'USAGE')
		or pg_has_role(reportd.acting_role(), 'reportd_operator', 'USAGE')
$$;

-- The report, locked, if the acting role may act on it. It is asked before the row
-- is locked, so that nobody holds up the reports of others.
create function reportd.find_report(config_id bigint) returns reportd.report_config
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
begin
	perform reportd.check_actor();
	if config_id is null then
		perform reportd.refuse('config_id is null',
			'Give the number of a report: see reportd.report_config, or `reportctl status`.');
	end if;
	if exists (select from reportd.report_config r
		where r.config_id = find_report.config_id and reportd.may_act(r.owner)) then
		select * into c from reportd.report_config r
		where r.config_id = find_report.config_id for update;
	end if;
	-- It may have gone to another owner meanwhile.
	if c.config_id is null or not reportd.may_act(c.owner) then
		perform reportd.refuse(
			format('there is no report %s of %s', config_id, reportd.acting_name()),
			'See reportd.report_config, or `reportctl status`.');
	end if;
	return c;
end $$;

create function reportd.id(report_key text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	found_id bigint;
	refusal text;
	mend text;
begin
	perform reportd.check_actor();
	select c.config_id into found_id from reportd.report_config c
	where c.report_key = id.report_key and reportd.may_act(c.owner);
	if found_id is null then
		perform reportd.refuse(
			format('there is no report with the key "%s" of %s', report_key,
				reportd.acting_name()),
			'See report_key in reportd.report_config, or `reportctl status`.');
	end if;
	return found_id;
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.id is
	'The config_id of the report with this key, for the functions that take one.';

-- ---- requests ----

create function reportd.is_busy(c reportd.report_config) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select $1.status = 'PROCESSING' or $1.status = 'PENDING' and $1.due_at < 'infinity'
$$;

-- The first request of an ADHOC report has no row of its own until another takes
-- its place: from then on its outcome stands in report_request.
create function reportd.keep_request(c reportd.report_config) returns void
language sql set search_path = pg_catalog, pg_temp as $$
	insert into reportd.report_request (request_id, config_id, owner, reason,
		requested_by, requested_at, scheduled_for, parameters, state, outcome,
		ended_at, run_id, error_message, newest, opens)
	select $1.request_id, $1.config_id, $1.owner, 'submit', $1.created_by,
		$1.created_timestamp, coalesce($1.scheduled_for, $1.created_timestamp),
		$1.run_parameters, 'ENDED', $1.status, $1.updated_timestamp, $1.run_id,
		$1.error_message, $1.status = 'COMPLETED' and $1.run_parameters is null,
		case when $1.status = 'COMPLETED' and $1.run_parameters is null
			and $1.has_children then true end
	where $1.request_id is not null and not $1.request_kept
		and $1.status in ('COMPLETED', 'FAILED', 'CANCELLED')
$$;

create function reportd.replace_request(c reportd.report_config) returns bigint
language sql set search_path = pg_catalog, pg_temp as $$
	select reportd.keep_request($1);
	select nextval('reportd.report_request_request_id_seq')
$$;

-- Puts a request that has a row in hand; the one before has ended.
create function reportd.take_request(c reportd.report_config, q reportd.report_request)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	perform reportd.keep_request(c);
	update reportd.report_request r
	set state = 'ACTIVE', outcome = null, ended_at = null, newest = false, opens = null
	where r.request_id = q.request_id;
	update reportd.report_config r
	set status = 'PENDING', request_id = q.request_id, request_kept = true,
		due_at = clock_timestamp(), scheduled_for = q.scheduled_for,
		run_parameters = q.parameters, attempt = 0, current_retries = 0,
		cancel_requested = false, cancelled_by = null, updated_timestamp = now()
	where r.config_id = c.config_id;
end $$;

-- Asks for a request that has a row: in hand at once, or after the one that is.
create function reportd.queue_request(c reportd.report_config, q reportd.report_request)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if not reportd.is_busy(c) then
		perform reportd.take_request(c, q);
		return;
	end if;
	update reportd.report_request r
	set state = 'QUEUED', outcome = null, ended_at = null
	where r.request_id = q.request_id and r.state <> 'QUEUED';
	update reportd.report_config r set requests_wait = true
	where r.config_id = c.config_id;
end $$;

-- The request that follows, locked: in the order they were asked for, a backfill last.
create function reportd.next_request(config_id bigint) returns reportd.report_request
language sql set search_path = pg_catalog, pg_temp as $$
	select r.* from reportd.report_request r
	where r.config_id = $1 and r.state = 'QUEUED'
	order by (r.reason = 'backfill'), r.request_id limit 1
	for update skip locked
$$;

-- The next request of a report that is at rest. Called by the tick for reports
-- whose end was not written by finish.sql, which does the same.
create function reportd.follow(config_id bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	q reportd.report_request;
begin
	select * into c from reportd.report_config r
	where r.config_id = follow.config_id for update skip locked;
	if c.config_id is null or reportd.is_busy(c) then
		return false;
	end if;
	q := reportd.next_request(c.config_id);
	if q.request_id is null then
		update reportd.report_config r set requests_wait = false
		where r.config_id = c.config_id;
		return false;
	end if;
	perform reportd.take_request(c, q);
	return true;
end $$;

create function reportd.add_request(
	c reportd.report_config, reason text, scheduled_for timestamptz, parameters jsonb,
	cascades boolean
) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	q reportd.report_request;
begin
	insert into reportd.report_request (config_id, owner, reason, requested_by,
		scheduled_for, parameters, cascades, state)
	values (c.config_id, c.owner, reason, reportd.acting_name(), scheduled_for,
		nullif(parameters, '{}'), cascades, 'QUEUED')
	returning * into q;
	perform reportd.queue_request(c, q);
	return q.request_id;
end $$;

create function reportd.check_active(c reportd.report_config) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if not c.is_active then
		perform reportd.refuse(
			format('report %s is not active', c.config_id),
			format('Make it active by select reportd.change(%s, ''{"is_active": true}'').',
				c.config_id));
	end if;
end $$;

create function reportd.run_now(
	config_id bigint, parameters jsonb default '{}', "cascade" boolean default false
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	asked reportd.report_config;
	refusal text;
	mend text;
begin
	c := reportd.find_report(config_id);
	perform reportd.check_active(c);
	perform reportd.check_parameters(parameters);
	if "cascade" and parameters <> '{}' then
		perform reportd.refuse('a run with parameters of its own opens no other reports',
			'Leave the parameters out, or cascade.');
	end if;
	asked.run_parameters := parameters;
	perform reportd.check_sizes(asked);
	perform reportd.check_pending(c.owner, 1);
	perform reportd.check_unused(c.owner);
	return reportd.add_request(c, 'run_now', now(), parameters, coalesce("cascade", false));
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.run_now is
	'Asks for one more run of a report, now or after those asked for before; parameters are laid over its own for this request. It waits for nobody; cascade: AFTER reports follow it. Returns the request_id.';

create function reportd.backfill(config_id bigint, "from" timestamptz, "to" timestamptz)
returns setof bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	at timestamptz[];
	one timestamptz := "from" - interval '1 microsecond';
	q bigint[];
	refusal text;
	mend text;
begin
	c := reportd.find_report(config_id);
	perform reportd.check_active(c);
	if c.trigger_type <> 'SCHEDULED' then
		perform reportd.refuse(
			format('report %s is %s: it has no scheduled times', c.config_id, c.trigger_type),
			'Ask for single runs by reportd.run_now().');
	elsif not isfinite("from") or not isfinite("to") or "from" > "to" then
		perform reportd.refuse(
			format('there is no time from %s to %s', "from", "to"),
			'Write an earlier and a later point in time.');
	elsif "to" > now() then
		perform reportd.refuse(
			format('%s lies in the future', "to"),
			'The schedule will run what is due then; write a time that has passed.');
	end if;
	loop
		one := reportd.next_run(c.schedule_expression, c.time_zone, one);
		exit when one is null or one > "to";
		at := at || one;
		if cardinality(at) > 1000 then
			perform reportd.refuse(
				format('from %s to %s report %s has more than 1000 scheduled times',
					"from", "to", c.config_id),
				'Ask for a shorter time first.');
		end if;
	end loop;
	perform reportd.check_pending(c.owner, coalesce(cardinality(at), 0));
	perform reportd.check_unused(c.owner);
	with queued as (
		insert into reportd.report_request (config_id, owner, reason, requested_by,
			scheduled_for, state, deadline)
		select c.config_id, c.owner, 'backfill', reportd.acting_name(), t,
			case when c.run_after is null then 'QUEUED' else 'WAITING' end,
			case when c.run_after is not null then now() + reportd.wait_time(c) end
		from unnest(at) t order by t
		returning request_id
	)
	select array_agg(k.request_id order by k.request_id) into q from queued k;
	if q is not null and c.run_after is not null then
		perform reportd.ask_look(c.config_id);
	elsif q is not null then
		update reportd.report_config r set requests_wait = true
		where r.config_id = c.config_id;
		perform reportd.follow(c.config_id);
	end if;
	return query select unnest(q);
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.backfill is
	'Asks for a run for each scheduled time from a point in time to another, one after the other. Returns their request_ids.';

create function reportd.find_request(
	c reportd.report_config, request_id bigint, outcomes text[]
) returns reportd.report_request
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	q reportd.report_request;
begin
	select * into q from reportd.report_request r
	where r.config_id = c.config_id
		and case when find_request.request_id is null then r.outcome = any (outcomes)
			else r.request_id = find_request.request_id end
	order by r.request_id desc limit 1 for update;
	if q.request_id is null and request_id is not null then
		perform reportd.refuse(
			format('report %s has no request %s', c.config_id, request_id),
			'See reportd.v_requests, or `reportctl status ID`.');
	end if;
	return q;
end $$;

create function reportd.retry(config_id bigint, request_id bigint default null)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	q reportd.report_request;
	refusal text;
	mend text;
begin
	c := reportd.find_report(config_id);
	perform reportd.check_active(c);
	perform reportd.check_pending(c.owner, 1);
	if c.status in ('FAILED', 'CANCELLED')
		and (request_id is null or request_id = c.request_id) then
		-- scheduled_for stays: the retry stands for the same time, same output.
		update reportd.report_request r
		set state = 'ACTIVE', outcome = null, ended_at = null
		where r.request_id = c.request_id and c.request_kept;
		update reportd.report_config r
		set status = 'PENDING', due_at = clock_timestamp(),
			scheduled_for = c.scheduled_for, updated_timestamp = now()
		where r.config_id = c.config_id;
		return c.request_id;
	elsif c.status = 'PENDING' and c.attempt > 0 and c.due_at < 'infinity'
		and coalesce(request_id, c.request_id) = c.request_id then
		-- It waits for its next attempt: that comes now.
		update reportd.report_config r set due_at = least(r.due_at, clock_timestamp())
		where r.config_id = c.config_id;
		return c.request_id;
	end if;
	if request_id is distinct from c.request_id then
		q := reportd.find_request(c, request_id, '{FAILED,CANCELLED}');
	end if;
	if q.outcome in ('FAILED', 'CANCELLED') and q.run_id is null and q.deadline is not null
		and c.run_after is not null then
		-- It waited for others, and does so again.
		update reportd.report_request r
		set state = 'WAITING', outcome = null, ended_at = null, error_message = null,
			deadline = now() + reportd.wait_time(c)
		where r.request_id = q.request_id;
		perform reportd.ask_look(c.config_id);
		return q.request_id;
	end if;
	if q.outcome is null or q.outcome = 'COMPLETED' then
		perform reportd.refuse(
			case when request_id is null or request_id = c.request_id then
				format('report %s is %s: there is nothing to retry', c.config_id, c.status)
			else format('request %s is %s: there is nothing to retry', request_id,
				coalesce(q.outcome, q.state)) end,
			'To run a COMPLETED report once more use reportd.run_now().');
	end if;
	perform reportd.queue_request(c, q);
	return q.request_id;
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.retry is
	'Runs a FAILED or CANCELLED request again, for the same scheduled time: the one in hand, else the newest of the report. One that waits for its next attempt is tried now. Returns its request_id.';

create function reportd.cancel(config_id bigint, request_id bigint default null)
returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	q reportd.report_request;
	refusal text;
	mend text;
begin
	c := reportd.find_report(config_id);
	if request_id is distinct from c.request_id and request_id is not null then
		q := reportd.find_request(c, request_id, null);
		if q.state not in ('QUEUED', 'WAITING') then
			perform reportd.refuse(
				format('request %s is %s: there is nothing to cancel', request_id,
					coalesce(q.outcome, q.state)),
				'See reportd.v_requests.');
		end if;
		update reportd.report_request r
		set state = 'ENDED', outcome = 'CANCELLED', ended_at = now(),
			error_message = 'cancelled by ' || reportd.acting_name()
		where r.request_id = q.request_id;
		perform reportd.notify_done(c.config_id, q.request_id, null, 'CANCELLED');
		return 'CANCELLED';
	elsif c.status = 'PROCESSING' then
		update reportd.report_config r
		set cancel_requested = true, cancelled_by = reportd.acting_name(),
			updated_timestamp = now()
		where r.config_id = c.config_id;
		perform pg_notify('reportd_cancel', '');
		return 'CANCELLING';
	elsif c.status = 'PENDING' and c.due_at < 'infinity' then
		-- It may have been tried: run_id is of another request before that.
		c.run_id := case when c.attempt > 0 then c.run_id end;
		update reportd.report_request r
		set state = 'ENDED', outcome = 'CANCELLED', ended_at = now(), run_id = c.run_id,
			error_message = 'cancelled by ' || reportd.acting_name()
		where r.request_id = c.request_id and c.request_kept;
		update reportd.report_config r
		set status = 'CANCELLED', cancelled_by = reportd.acting_name(),
			updated_timestamp = now()
		where r.config_id = c.config_id;
		perform reportd.notify_done(c.config_id, c.request_id, c.run_id, 'CANCELLED');
		-- The request after it, if there is one.
		perform reportd.follow(c.config_id);
		return 'CANCELLED';
	end if;
	select * into q from reportd.report_request r
	where r.config_id = c.config_id and r.state = 'WAITING'
	order by r.request_id limit 1;
	if q.request_id is not null then
		perform reportd.refuse(
			format('report %s has nothing in hand; request %s waits for other reports',
				c.config_id, q.request_id),
			format('To cancel that: select reportd.cancel(%s, %s).', c.config_id, q.request_id));
	end if;
	perform reportd.refuse(
		format('report %s is %s: there is nothing to cancel', c.config_id,
			case when c.status = 'PENDING' and c.trigger_type = 'AFTER'
				then 'waiting for other reports'
				when c.status = 'PENDING' then 'waiting for its schedule'
				else c.status end),
		case when c.trigger_type = 'SCHEDULED' then
			format('To stop a schedule: select reportd.change(%s, ''{"is_active": false}'').',
				c.config_id)
		else 'It has ended; see reportd.v_requests.' end);
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.cancel is
	'Cancels a waiting request at once (CANCELLED) or asks the daemon to stop the running one (CANCELLING); without a request_id the one in hand.';

-- ---- changing and deleting ----

create function reportd.change(config_id bigint, changes jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	known constant text[] := '{report_key,report_name,report_type,owner,trigger_type,schedule_expression,time_zone,misfire_policy,run_after,wait_timeout,next_run_time,is_active,priority,max_retries,timeout,source,prep_sql,export_sql,parameters,output_format,output_path,output_options,notify_on_completion,notify_on_failure}';
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
		or invalid_parameter_value or undefined_object then
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
		run_after = c.run_after, wait_timeout = c.wait_timeout,
		next_run_time = c.next_run_time, is_active = c.is_active,
		priority = c.priority, max_retries = c.max_retries,
		timeout = c.timeout, source = c.source,
		prep_sql = c.prep_sql, export_sql = c.export_sql,
		parameters = c.parameters, output_format = c.output_format,
		output_path = c.output_path, output_options = c.output_options,
		notify_on_completion = c.notify_on_completion,
		notify_on_failure = c.notify_on_failure
	where r.config_id = c.config_id;
	if changes ? 'owner' then
		update reportd.report_request q set owner = c.owner where q.config_id = c.config_id;
		update reportd.report_run q set owner = c.owner where q.config_id = c.config_id;
		update reportd.report_notification q set owner = c.owner
		where q.config_id = c.config_id;
	end if;
-- One refusal, one line of context.
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
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.delete is
	'Deletes a report and what waits of it; a run that is under way publishes nothing. Its runs stay in report_run.';

-- ---- what operators call ----

create function reportd.role_named(role text) returns regrole
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	-- PostgreSQL reserves "public", but lets a role be called "Public".
	if to_regrole(quote_ident(role)) is null and lower(role) = 'public' then
		return 0::oid::regrole;
	elsif to_regrole(quote_ident(role)) is null then
		perform reportd.refuse(format('there is no role "%s"', role),
			'Write the name of a role, or public for everybody.');
	end if;
	return to_regrole(quote_ident(role));
end $$;

create function reportd.grant_source(source text, role text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	refusal text;
	mend text;
begin
	if not exists (select from reportd.report_source s where s.source = grant_source.source) then
		perform reportd.refuse(format('no daemon has told of a source "%s"', source),
			format('Known: %s. A daemon tells of its sources when it starts; before that: select reportd.register_source(%L, ''postgres'').',
				(select coalesce(string_agg(s.source, ', ' order by s.source), 'none')
				from reportd.report_source s), source));
	end if;
	insert into reportd.report_grant (kind, name, grantee, granted_by)
	values ('source', source, reportd.role_named(role), reportd.acting_name())
	on conflict do nothing;
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.grant_source is
	'Lets the members of a role, or public, submit reports that read a source.';

create function reportd.revoke_source(source text, role text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
	delete from reportd.report_grant g
	where g.kind = 'source' and g.name = $1 and g.grantee = reportd.role_named($2)
$$;
comment on function reportd.revoke_source is
	'Takes a grant back: reports that wait fail with the reason, what runs goes on.';

-- A prefix of whole segments: finance/ below the output root, file:///srv/reports/,
-- s3://bucket/ or s3://bucket/folder/; / is everything below the output root.
create function reportd.path_prefix(prefix text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	prefix := regexp_replace(prefix, '/*$', '/');
	if prefix <> '/' and (prefix ~ '^/' or prefix ~ '[\x01-\x1f\x7f{}%]'
			or prefix ~ '(^|[^:/]/|:///?)(/|\.)'
			or prefix ~ '^[A-Za-z][A-Za-z0-9+.-]*:' and prefix !~ '^(s3://[a-z0-9]|file:///[^/])') then
		perform reportd.refuse(
			format('"%s" is no path that can be granted', prefix),
			'Write finance/ (below the output root), / (all of it), file:///srv/reports/ or s3://bucket/folder/; no part begins with a dot.');
	end if;
	return prefix;
end $$;

create function reportd.grant_path(prefix text, role text, mode text default 'write')
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	refusal text;
	mend text;
begin
	if lower(mode) not in ('read', 'write') then
		perform reportd.refuse(format('unknown mode "%s"', mode), 'Write read or write.');
	end if;
	insert into reportd.report_grant (kind, name, grantee, granted_by)
	values (lower(mode), reportd.path_prefix(prefix), reportd.role_named(role),
		reportd.acting_name())
	on conflict do nothing;
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.grant_path is
	'Lets the members of a role, or public, write (or read) below a path: finance/, s3://bucket/folder/, / for all of the output root.';

create function reportd.revoke_path(prefix text, role text, mode text default 'write')
returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
	delete from reportd.report_grant g
	where g.kind = lower($3) and g.name = reportd.path_prefix($1)
		and g.grantee = reportd.role_named($2)
$$;
comment on function reportd.revoke_path is
	'Takes a grant back: reports that wait fail with the reason, what runs goes on.';

create function reportd.register_source(source text, type text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
	insert into reportd.report_source (source, type, registered_by)
	values ($1, $2, reportd.acting_name())
	on conflict (source) do update set type = excluded.type, seen_at = now()
$$;
comment on function reportd.register_source is
	'Makes a source known, so that reports may name it while no daemon runs.';

create function reportd.forget_source(source text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	refusal text;
	mend text;
begin
	if exists (select from reportd.report_worker w
		where forget_source.source = any (w.sources)
			and w.heartbeat_at > now() - w.lease) then
		perform reportd.refuse(format('a running daemon has the source "%s"', source),
			'Take it out of the daemon''s settings first.');
	end if;
	delete from reportd.report_source s where s.source = forget_source.source;
	delete from reportd.report_grant g
	where g.kind = 'source' and g.name = forget_source.source;
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.forget_source is
	'Forgets a source that no daemon has any more, and its grants.';

-- ---- what the daemon's statements compute from a row's own texts ----
-- A row that has become wrong (a zone that this server does not know, after a
-- restore) must fail alone, not the statement that serves all of them.

create function reportd.plan_fire(
	expression text, time_zone text, misfire_policy text,
	next_run_time timestamptz, grace interval,
	out scheduled_for timestamptz, out next_time timestamptz, out error text
) language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
	if misfire_policy = 'ALL' then
		-- What was missed more than a year ago is not caught up.
		scheduled_for := case when next_run_time >= now() - interval '1 year'
			then next_run_time
			else reportd.next_run(expression, time_zone, now() - interval '1 year') end;
		next_time := reportd.next_run(expression, time_zone, scheduled_for);
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

-- How many more reports of an owner may become due by their schedules; null: no
-- limit; -1: its turn is taken, by a session that commits just now. A tick that has
-- the turn keeps it to its end.
create function reportd.schedule_room(owner regrole) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	most int := (reportd.quota_of(owner)).max_pending;
begin
	if most is null or pg_has_role(owner, 'reportd_operator', 'USAGE') then
		return null;
	end if;
	perform from reportd.owner_turn t where t.owner = schedule_room.owner
	for update skip locked;
	-- Without a row nobody of that owner has committed anything yet.
	if not found and exists (
		select from reportd.owner_turn t where t.owner = schedule_room.owner) then
		return -1;
	end if;
	return greatest(most - reportd.pending_count(owner, most), 0);
end $$;

-- The owners with schedules that are due. When many are due it hops from owner to
-- owner over the index report_config_fire: as many probes as there are owners, 1000
-- at most, from a random one on, so that each has its turn.
create function reportd.schedule_turns() returns table (owner regrole, room int)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	owners oid[];
	first oid;
	last oid;
	start oid;
	at oid;
	due timestamptz;
	around boolean := false;
begin
	-- Whatever state they are in: no more are looked at when thousands wait.
	owners := array(select c.owner from reportd.report_config c
		where c.trigger_type = 'SCHEDULED' and c.is_active and c.next_run_time <= now()
		order by c.next_run_time limit 400);
	if cardinality(owners) < 400 then
		for owner in select distinct unnest(owners) loop
			room := reportd.schedule_room(owner);
			return next;
		end loop;
		return;
	end if;
	select s.owner into first from reportd.schedule_at_rest s order by s.owner limit 1;
	select s.owner into last from reportd.schedule_at_rest s order by s.owner desc limit 1;
	start := reportd.random_oid(first, last);
	at := start;
	for visited in 1 .. 1000 loop
		select s.owner, s.next_run_time into owner, due from reportd.schedule_at_rest s
		where s.owner > at order by s.owner, s.next_run_time limit 1;
		if owner is null and not around then
			around := true;
			at := 0;
			continue;
		end if;
		exit when owner is null or around and owner > start;
		at := owner;
		if due <= now() then
			room := reportd.schedule_room(owner);
			return next;
		end if;
	end loop;
end $$;

create function reportd.random_oid(first oid, last oid) returns oid
language sql volatile set search_path = pg_catalog, pg_temp as $$
	select ($1::bigint + floor(random() * ($2::bigint - $1::bigint))::bigint)::oid
$$;

create function reportd.local_time(at timestamptz, time_zone text) returns timestamp
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return at at time zone time_zone;
exception when others then
	return null;
end $$;

-- How many reports run: by owner, and by source under "s:NAME".
create function reportd.running_counts() returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
	select coalesce(jsonb_object_agg(r.key, r.n), '{}') from (
		select c.owner::oid::text as key, count(*) as n
		from reportd.report_config c where c.status = 'PROCESSING' group by c.owner
		union all
		select 's:' || c.source, count(*)
		from reportd.report_config c where c.status = 'PROCESSING' group by c.source) r
$$;

-- Whether a claim could take something of an owner from one of the sources.
create function reportd.can_claim(owner oid, sources text[], quotas boolean, busy jsonb)
returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select (not $3 or pg_has_role($1, 'reportd_operator', 'USAGE')
			or ((reportd.quota_of($1)).max_running
				> coalesce(($4 ->> $1::text)::bigint, 0)) is not false)
		and exists (select from unnest($2) r(s)
			cross join generate_series(1, 5) p(p)
			cross join (values ('ADHOC'), ('SCHEDULED'), ('AFTER')) t(t)
			cross join lateral (select from reportd.report_config c
				where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
					and c.owner = $1 and c.source = r.s and c.priority = p.p
					and c.trigger_type = t.t and c.due_at <= now()
				limit 1) d)
$$;

-- The classes of waiting work that a claim looks at, see sql/queue/claim.sql, with
-- what limits each: `most` candidates, places left of its source and of its owner
-- (null: no limit). It begins after owner `after`, wraps around, and ends after as many
-- owners as could be served, and 100 sources of each.
-- passed: classes whose head has been taken, with the time up to which:
-- [[owner, source, priority, trigger_type, due_at, config_id, running]]. Nothing is read before
-- that: while some transaction is held open, the index is full of dead entries there.
create function reportd.claim_classes(
	wanted int, sources text[], source_max int[], passed jsonb, after oid
) returns table (owner oid, source text, priority int, trigger_type text,
	since timestamptz, since_id bigint, running bigint, owner_room bigint, source_room bigint, most int)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
	owners oid[] := '{}';
	known oid[];
	one oid;
	at oid := after;
	next oid;
	at_source text;
	known_source text;
	quotas boolean := exists (select from reportd.report_quota q
		where q.max_running is not null);
	busy jsonb; -- see running_counts()
	room text[]; -- the sources that have a place
	last oid;
	visited int;
	choosy boolean := false;
	kinds text[] := '{ADHOC,SCHEDULED}';
begin
	if exists (select from reportd.report_config c
		where c.trigger_type = 'AFTER' and c.status = 'PENDING' and c.is_active
			and c.due_at < 'infinity') then
		kinds := kinds || 'AFTER'::text;
	end if;
	if passed is not null then
		known := array(select distinct (p ->> 0)::oid as o
			from jsonb_array_elements(passed) p order by o);
	end if;
	if quotas or cardinality(array_remove(source_max, null)) > 0 then
		busy := reportd.running_counts();
	elsif passed is not null then
		select jsonb_object_agg(p ->> 0, p -> 6) into busy from jsonb_array_elements(passed) p;
	end if;
	loop
		at := after;
		last := null;
		owners := '{}';
		visited := 0;
		while cardinality(owners) < wanted + 16 and visited < 1000 loop
			if passed is not null then
				next := (select o from unnest(known) o where o > at order by o limit 1);
			end if;
			select c.owner into one from reportd.report_config c
			where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
				and c.owner > at and c.owner < coalesce(next, 4294967295::oid)
			order by c.owner limit 1;
			one := coalesce(one, next);
			if one is null and last is null and after > 0 then
				-- Around, once: from the first owner up to where it began.
				last := after;
				at := 0;
				continue;
			end if;
			exit when one is null or one > last;
			at := one;
			visited := visited + 1;
			if not choosy or one = any (known) or reportd.can_claim(one, room, quotas, busy) then
				owners := owners || one;
			end if;
		end loop;
		-- So many owners that some must wait: then none of those whom nothing can be
		-- taken from may stand before the others.
		exit when choosy or cardinality(owners) < wanted + 16;
		choosy := true;
		room := array(select u.s from unnest(sources, source_max) u(s, m)
			where u.m is null or u.m > coalesce((busy ->> ('s:' || u.s))::bigint, 0));
	end loop;
	if busy is null and cardinality(owners) > 1 then
		busy := reportd.running_counts();
	end if;
	most := (wanted + 16) / greatest(cardinality(owners), 1) + 2;
	foreach owner in array owners loop
		running := coalesce((busy ->> owner::text)::bigint, 0);
		owner_room := null;
		if quotas and not pg_has_role(owner, 'reportd_operator', 'USAGE') then
			owner_room := (reportd.quota_of(owner)).max_running - running;
		end if;
		at_source := '';
		for i in 1 .. 100 loop
			-- From source to source, up to the next known one, whose head may be dead.
			if passed is not null then
				known_source := (select min(p ->> 1) from jsonb_array_elements(passed) p
					where (p ->> 0)::oid = claim_classes.owner and p ->> 1 > at_source);
			end if;
			if known_source is null then
				select c.source into source from reportd.report_config c
				where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
					and c.owner = claim_classes.owner and c.source > at_source
				order by c.source limit 1;
			else
				select c.source into source from reportd.report_config c
				where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
					and c.owner = claim_classes.owner and c.source > at_source
					and c.source < known_source
				order by c.source limit 1;
			end if;
			source := coalesce(source, known_source);
			exit when source is null;
			at_source := source;
			source_room := source_max[array_position(sources, source)]
				- coalesce((busy ->> ('s:' || source))::bigint, 0);
			if source = any (sources) and (source_room is null or source_room > 0)
				and (owner_room is null or owner_room > 0) then
				for priority, trigger_type, since, since_id in
					select k.priority, k.trigger_type, k.since, k.since_id
					from (select pr.priority, t.trigger_type,
							coalesce((p ->> 4)::timestamptz, '-infinity') as since,
							coalesce((p ->> 5)::bigint, 0) as since_id
						from generate_series(1, 5) pr(priority)
						cross join unnest(kinds) t(trigger_type)
						left join jsonb_array_elements(passed) p
							on (p ->> 0)::oid = claim_classes.owner
							and p ->> 1 = claim_classes.source
							and (p ->> 2)::int = pr.priority and p ->> 3 = t.trigger_type) k
					-- A probe for each, whatever the statistics say; "exists" may be joined.
					cross join lateral (select from reportd.report_config c
						where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
							and c.owner = claim_classes.owner and c.source = claim_classes.source
							and c.priority = k.priority and c.trigger_type = k.trigger_type
							and (c.due_at, c.config_id) > (k.since, k.since_id)
						order by c.due_at, c.config_id limit 1) one
				loop
					return next;
				end loop;
			end if;
		end loop;
	end loop;
end $$;

-- Ends the request in hand of a report whose run has ended for good, and finds the
-- one that follows; it does not touch report_config. Called by the statements that
-- end runs, for reports that have such rows.
create function reportd.end_request(
	c reportd.report_config, outcome text, run_id bigint, error_message text, follow boolean,
	out request_id bigint, out scheduled_for timestamptz, out parameters jsonb,
	out opens boolean
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	-- With parameters of its own it stands for nothing but itself.
	if outcome = 'COMPLETED' and c.run_parameters is null then
		update reportd.report_request q set newest = false
		where q.config_id = c.config_id and q.newest;
	end if;
	c.status := outcome;
	c.run_id := end_request.run_id;
	c.error_message := end_request.error_message;
	c.updated_timestamp := now();
	if c.request_kept then
		update reportd.report_request q
		set state = 'ENDED', outcome = end_request.outcome, ended_at = now(),
			run_id = end_request.run_id, error_message = end_request.error_message,
			newest = end_request.outcome = 'COMPLETED' and c.run_parameters is null,
			opens = case when c.has_children and end_request.outcome = 'COMPLETED'
				and c.run_parameters is null then true end
		where q.request_id = c.request_id;
	elsif c.has_children then
		perform reportd.keep_request(c);
		c.request_kept := true;
	end if;
	opens := c.has_children and outcome = 'COMPLETED' and c.run_parameters is null;
	if not follow then
		return;
	end if;
	select q.request_id, q.scheduled_for, q.parameters
	into end_request.request_id, end_request.scheduled_for, end_request.parameters
	from reportd.next_request(c.config_id) q;
	if request_id is null then
		return;
	end if;
	update reportd.report_request q set state = 'ACTIVE'
	where q.request_id = end_request.request_id;
	perform reportd.keep_request(c);
end $$;
