-- SPDX-License-Identifier: MIT
-- The consequences of a change of a report's status, and of its deletion.

-- The table of transitions in the life of a report. An ended report that becomes PENDING
-- begins afresh, whoever has set it.
create function reportd.change_status() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	if (old.status, new.status) not in (
			('PENDING', 'PROCESSING'), ('PENDING', 'CANCELLED'),
			('PROCESSING', 'PENDING'), ('PROCESSING', 'COMPLETED'),
			('PROCESSING', 'FAILED'), ('PROCESSING', 'CANCELLED'),
			('COMPLETED', 'PENDING'), ('FAILED', 'PENDING'),
			('CANCELLED', 'PENDING')) then
		perform reportd.refuse(
			format('report %s cannot go from %s to %s', old.config_id, old.status, new.status),
			'Use reportd.run_now(), reportd.retry() or reportd.cancel().');
	elsif old.status = 'PROCESSING' or new.status <> 'PENDING' then
		return new;
	end if;
	if new.request_id is not distinct from old.request_id
		and new.scheduled_for is not distinct from old.scheduled_for
		and new.due_at is not distinct from old.due_at then
		-- Set by hand, not by a function: that is a request of its own.
		new.request_id := reportd.replace_request(old);
		new.request_kept := false;
	end if;
	new.attempt := 0;
	new.current_retries := 0;
	new.cancel_requested := false;
	new.cancelled_by := null;
	new.error_message := null;
	new.error_timestamp := null;
	new.checks_since := null;
	if new.due_at is not distinct from old.due_at then
		new.due_at := now();
		new.scheduled_for := now();
		new.run_parameters := null;
	end if;
	return new;
end $$;
-- The condition lets the two most common changes pass. It is short, because the server
-- parses it again for each statement.
create trigger b_transition before update of status on reportd.report_config
	for each row when (old.status <> new.status and (old.status, new.status) not in (
		('PENDING', 'PROCESSING'), ('PROCESSING', 'COMPLETED')))
	execute function reportd.change_status();

-- There is new work: wakes the daemons. The payload is empty, so that PostgreSQL sends the
-- notifications of one transaction as one; daemons that miss it find the work by polling.
create function reportd.notify_pending() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform pg_notify('reportd_pending', '');
	return null;
end $$;
create trigger notify_insert after insert on reportd.report_config
	for each statement execute function reportd.notify_pending();
-- The daemon's own updates change only these two columns, so only this condition is read
-- for them.
create trigger notify_status after update of status, due_at on reportd.report_config
	for each row when (new.status <> 'PROCESSING' and new.is_active
		and old.due_at is distinct from new.due_at)
	execute function reportd.notify_pending();
create trigger notify_update after update of is_active, source,
		schedule_expression, time_zone, trigger_type, next_run_time
	on reportd.report_config
	for each row when (new.status <> 'PROCESSING' and new.is_active
		and (old.is_active, old.source, old.due_at, old.next_run_time)
			is distinct from
			(new.is_active, new.source, new.due_at, new.next_run_time))
	execute function reportd.notify_pending();

-- Deletes a report that runs: its run loses the fence and publishes nothing. Its waiting
-- requests end with it.
create function reportd.end_deleted() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	update reportd.report_run
	set status = 'CANCELLED', finished_at = now(),
		error_message = 'the report was deleted while it ran'
	where run_id = old.run_id and status = 'PROCESSING';
	update reportd.report_request
	set state = 'ENDED', outcome = coalesce(outcome, 'CANCELLED'),
		ended_at = coalesce(ended_at, now()), newest = false,
		error_message = coalesce(error_message, 'the report was deleted')
	where config_id = old.config_id and (state <> 'ENDED' or newest);
	return null;
end $$;
create trigger end_deleted after delete on reportd.report_config
	for each row when (old.status = 'PROCESSING' or old.request_kept or old.requests_wait
		or old.run_after is not null)
	execute function reportd.end_deleted();
