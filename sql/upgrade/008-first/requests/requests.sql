-- SPDX-License-Identifier: MIT
-- Requests of a report: one is in hand, others wait in report_request.

create function reportd.is_busy(c reportd.report_config) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select $1.status = 'PROCESSING' or $1.status = 'PENDING' and $1.due_at < 'infinity'
$$;

-- The first request of an ADHOC report has no row of its own until another request takes
-- its place: then this function writes its outcome into report_request.
create function reportd.keep_request(c reportd.report_config) returns void
language sql set search_path = pg_catalog, pg_temp as $$
	insert into reportd.report_request (request_id, config_id, owner, reason,
		requested_by, requested_at, scheduled_for, parameters, state, outcome,
		ended_at, run_id, error_message, newest, opens, output_url, outputs, row_count)
	select $1.request_id, $1.config_id, $1.owner, 'submit', $1.created_by,
		$1.created_timestamp, coalesce($1.scheduled_for, $1.created_timestamp),
		$1.run_parameters, 'ENDED', $1.status, $1.updated_timestamp, $1.run_id,
		$1.error_message, $1.status = 'COMPLETED' and $1.run_parameters is null,
		case when $1.status = 'COMPLETED' and $1.run_parameters is null
			and $1.has_children then true end,
		r.output_url, r.outputs, r.row_count
	from (values (1)) one(one)
	left join reportd.report_run r
		on r.run_id = $1.run_id and r.status = 'COMPLETED' and $1.status = 'COMPLETED'
	where $1.request_id is not null and not $1.request_kept
		and $1.status in ('COMPLETED', 'FAILED', 'CANCELLED')
$$;

create function reportd.replace_request(c reportd.report_config) returns bigint
language sql set search_path = pg_catalog, pg_temp as $$
	select reportd.keep_request($1);
	select nextval('reportd.report_request_request_id_seq')
$$;

-- Makes a request, which has a row, the one in hand; the request before it has ended.
create function reportd.take_request(c reportd.report_config, q reportd.report_request)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if not c.request_kept and c.request_id is not null then
		perform reportd.keep_request(c);
	end if;
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

-- Queues a request that has a row: it is in hand at once, or after the request that is.
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

-- Returns the request that follows, locked. Requests follow in the order in which they
-- were made, with backfills last.
create function reportd.next_request(config_id bigint) returns reportd.report_request
language sql set search_path = pg_catalog, pg_temp as $$
	select r.* from reportd.report_request r
	where r.config_id = $1 and r.state = 'QUEUED'
	order by (r.reason = 'backfill'), r.request_id limit 1
	for update skip locked
$$;

-- Puts the next request of an idle report in hand. The tick calls this for reports whose
-- end was not recorded by finish.sql, which does the same.
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
		scheduled_for, parameters, cascades, state, deadline)
	values (c.config_id, c.owner, reason, reportd.acting_name(), scheduled_for,
		nullif(parameters, '{}'), cascades,
		case when c.inputs is null then 'QUEUED' else 'WAITING' end,
		case when c.inputs is not null then now() + reportd.wait_time(c) end)
	returning * into q;
	if c.inputs is null then
		perform reportd.queue_request(c, q);
	else
		-- Its files must be listed first.
		perform reportd.ask_look(c);
	end if;
	return q.request_id;
end $$;

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

-- Lets a request wait again whose wait was cancelled or has reached its deadline: its
-- conditions still hold. False: the request is not of this kind.
create function reportd.wait_again(c reportd.report_config, q reportd.report_request)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if (q.outcome in ('FAILED', 'CANCELLED') and q.deadline is not null
			and q.satisfied_by is null and q.files is null
			and (c.run_after is not null or c.inputs is not null)) is not true then
		return false;
	end if;
	update reportd.report_request r
	set state = 'WAITING', outcome = null, ended_at = null, error_message = null,
		run_id = null, deadline = now() + reportd.wait_time(c)
	where r.request_id = q.request_id;
	perform reportd.ask_look(c);
	return true;
end $$;
