-- SPDX-License-Identifier: MIT
-- The functions that people call from psql. They run with the rights of their owner and check
-- the acting role themselves, so that a submitter needs no UPDATE on the queue: with that right
-- it could lock the table.

-- While the server maintains a table (ANALYZE, autovacuum, REINDEX) it runs the functions of the
-- table's owner with that owner's rights, but in the session that began the maintenance, mostly
-- a superuser's. Nobody acts in such a place, so these functions refuse to work there. It is
-- recognised by UNLISTEN, which is refused there and has no effect elsewhere.
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
	wait_timeout interval default null,
	inputs jsonb default null,
	result_sql text default null,
	horizon_overlap interval default null,
	checks jsonb default null,
	min_score int default null
) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
	select reportd.check_actor();
	insert into reportd.report_config (report_name, report_type, trigger_type,
		schedule_expression, time_zone, misfire_policy, priority, max_retries,
		timeout, source, prep_sql, export_sql, parameters, output_format,
		output_path, output_options, notify_on_completion, notify_on_failure,
		report_key, run_after, wait_timeout, inputs, result_sql,
		horizon_overlap, checks, min_score)
	values ($1, $10, case when $11 is not null then 'SCHEDULED'
			when $19 is not null then 'AFTER'
			when $21 is not null then 'FILE' else 'ADHOC' end,
		$11, $12, $13, $8, $15, $14, $9, $3, $2, $4, $5, $6, $7, $16, $17, $18, $19, $20, $21,
		$22, $23, $24, $25)
	returning config_id
$$;
comment on function reportd.submit is
	'Asks for a report; SCHEDULED when a schedule_expression is given, else AFTER when run_after is, else FILE when inputs are. Returns its config_id.';

-- Tells all listeners that a run has ended. Everybody may listen, so the payload has numbers
-- only, no names and no places.
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

-- Says whether a role may act on the reports of an owner.
create function reportd.acts_for(role oid, owner regrole) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select pg_has_role($1, $2, 'USAGE') or pg_has_role($1, 'reportd_operator', 'USAGE')
$$;

create function reportd.may_act(owner regrole) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select reportd.acts_for(reportd.acting_role(), $1)
$$;

-- Returns the report, locked, if the acting role may act on it. The right is checked before the
-- row is locked, so that nobody can delay the reports of others.
create function reportd.find_report(config_id bigint) returns reportd.report_config
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	seen regrole;
begin
	perform reportd.check_actor();
	if config_id is null then
		perform reportd.refuse('config_id is null',
			'Give the number of a report: see reportd.report_config, or `reportctl list`.');
	end if;
	if exists (select from reportd.report_config r
		where r.config_id = find_report.config_id and reportd.may_act(r.owner)) then
		select * into c from reportd.report_config r
		where r.config_id = find_report.config_id for update;
	end if;
	-- The report may have gone to another owner meanwhile.
	if c.config_id is null or not reportd.may_act(c.owner) then
		select r.owner into seen from reportd.report_config r
		where r.config_id = find_report.config_id
			and reportd.sees(reportd.acting_role(), r.owner);
		if seen is not null then
			perform reportd.refuse(
				format('%s may see report %s of %s, but not act on it', reportd.acting_name(),
					config_id, seen),
				format('Acting on it needs the role %s or reportd_operator.', seen));
		end if;
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
	where c.report_key = id.report_key
		and reportd.sees(reportd.acting_role(), c.owner);
	if found_id is null then
		perform reportd.refuse(
			format('there is no report with the key "%s" that %s may see', report_key,
				reportd.acting_name()),
			'See report_key in reportd.report_config, or `reportctl list`.');
	end if;
	return found_id;
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.id is
	'The config_id of the report with this key, for the functions that take one.';

create function reportd.check_active(c reportd.report_config) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if not c.is_active then
		perform reportd.refuse(
			format('report %s is not active', c.config_id),
			format('Make it active by `reportctl resume %s` or select reportd.change(%1$s, ''{"is_active": true}'').',
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
	-- A parameter that an earlier request hands on may be set for one run: null reads
	-- everything once more.
	perform reportd.check_parameters(case jsonb_typeof(parameters) when 'object'
		then parameters - array_remove(coalesce(c.links, '{}'), 'horizon') else parameters end);
	if "cascade" and parameters <> '{}' then
		perform reportd.refuse('a run with parameters of its own opens no other reports',
			'Leave the parameters out, or cascade.');
	end if;
	asked.run_parameters := parameters;
	perform reportd.check_sizes(asked);
	perform reportd.check_pending(c.owner, 1);
	perform reportd.check_unused(c.owner);
	return reportd.add_request(c, 'run_now', now(), parameters, coalesce("cascade", false));
-- Raised anew, so that psql shows one line of context and not one for each function.
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
			'Ask for single runs by reportd.run_now(), or `reportctl run ID`.');
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
			case when c.run_after is null and c.inputs is null then 'QUEUED' else 'WAITING' end,
			case when c.run_after is not null or c.inputs is not null then now() + reportd.wait_time(c) end
		from unnest(at) t order by t
		returning request_id
	)
	select array_agg(k.request_id order by k.request_id) into q from queued k;
	if q is not null and (c.run_after is not null or c.inputs is not null) then
		perform reportd.ask_look(c);
	elsif q is not null then
		update reportd.report_config r set requests_wait = true
		where r.config_id = c.config_id;
		perform reportd.follow(c.config_id);
	end if;
	return query select unnest(q);
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.backfill is
	'Asks for a run for each scheduled time from a point in time to another, one after the other. Returns their request_ids.';

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
		select * into q from reportd.report_request r
		where r.request_id = c.request_id and c.request_kept;
		if q.state = 'WAITING' or reportd.wait_again(c, q) then
			return c.request_id;
		end if;
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
		-- The request waits for its next attempt, which comes now.
		update reportd.report_config r set due_at = least(r.due_at, clock_timestamp())
		where r.config_id = c.config_id;
		return c.request_id;
	end if;
	if request_id is distinct from c.request_id then
		q := reportd.find_request(c, request_id, '{FAILED,CANCELLED}');
	end if;
	if reportd.wait_again(c, q) then
		return q.request_id;
	end if;
	if q.outcome is null or q.outcome = 'COMPLETED' then
		perform reportd.refuse(
			case when request_id is null or request_id = c.request_id then
				format('report %s is %s: there is nothing to retry', c.config_id, c.status)
			else format('request %s is %s: there is nothing to retry', request_id,
				coalesce(q.outcome, q.state)) end,
			'To run a COMPLETED report once more use reportd.run_now(), or `reportctl run ID`.');
	end if;
	perform reportd.queue_request(c, q);
	return q.request_id;
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.retry is
	'Runs a FAILED or CANCELLED request again, for the same scheduled time: the one in hand, else the newest of the report. One that has waited for other reports in vain waits again; one that waits for its next attempt is tried now. Returns its request_id.';

-- Cancels the request in hand of a report, which the caller has locked. Returns null when it has
-- none.
create function reportd.cancel_report(c reportd.report_config, who text) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if c.status = 'PROCESSING' then
		update reportd.report_config r
		set cancel_requested = true, cancelled_by = who, updated_timestamp = now()
		where r.config_id = c.config_id;
		perform pg_notify('reportd_cancel', '');
		return 'CANCELLING';
	elsif c.status = 'PENDING' and c.due_at < 'infinity' then
		-- Without an attempt of this request, run_id is of the one before.
		c.run_id := case when c.attempt > 0 then c.run_id end;
		update reportd.report_request r
		set state = 'ENDED', outcome = 'CANCELLED', ended_at = now(), run_id = c.run_id,
			error_message = 'cancelled by ' || who
		where r.request_id = c.request_id and c.request_kept;
		update reportd.report_config r
		set status = 'CANCELLED', cancelled_by = who, updated_timestamp = now()
		where r.config_id = c.config_id;
		perform reportd.notify_done(c.config_id, c.request_id, c.run_id, 'CANCELLED');
		-- The request after it, if there is one.
		perform reportd.follow(c.config_id);
		return 'CANCELLED';
	end if;
	return null;
end $$;

create function reportd.cancel(config_id bigint, request_id bigint default null)
returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	q reportd.report_request;
	done text;
	refusal text;
	mend text;
begin
	c := reportd.find_report(config_id);
	if request_id is not null and (request_id is distinct from c.request_id
			-- The request has waited in vain, and waits again.
			or exists (select from reportd.report_request r
				where r.request_id = cancel.request_id and r.state = 'WAITING')) then
		q := reportd.find_request(c, request_id, null);
		if q.state not in ('QUEUED', 'WAITING') then
			perform reportd.refuse(
				format('request %s is %s: there is nothing to cancel', request_id,
					coalesce(q.outcome, q.state)),
				'See reportd.v_requests, or `reportctl status ID`.');
		end if;
		update reportd.report_request r
		set state = 'ENDED', outcome = 'CANCELLED', ended_at = now(),
			error_message = 'cancelled by ' || reportd.acting_name()
		where r.request_id = q.request_id;
		perform reportd.notify_done(c.config_id, q.request_id, null, 'CANCELLED');
		return 'CANCELLED';
	end if;
	done := reportd.cancel_report(c, reportd.acting_name());
	if done is not null then
		return done;
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
				when c.status = 'PENDING' and c.trigger_type = 'FILE' then 'waiting for files'
				when c.status = 'PENDING' then 'waiting for its schedule'
				else c.status end),
		case when c.trigger_type = 'SCHEDULED' then
			format('To stop a schedule: `reportctl pause %s` or select reportd.change(%1$s, ''{"is_active": false}'').',
				c.config_id)
		else 'It has ended; see reportd.v_requests, or `reportctl status ID`.' end);
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.cancel is
	'Cancels a waiting request at once (CANCELLED) or asks the daemon to stop the running one (CANCELLING); without a request_id the one in hand.';
