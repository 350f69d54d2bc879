-- SPDX-License-Identifier: MIT
-- How runs and requests end.

-- Ends a run whose report was ended or set back by hand.
create function reportd.lose_run(run_id bigint) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
	update reportd.report_run u
	set status = 'LOST', finished_at = now(), error_stage = u.stage,
		error_message = 'the report was taken from it'
	where u.run_id = $1 and u.status = 'PROCESSING'
$$;

-- Ends the request in hand of a report whose run has ended without a retry, and finds the
-- request that follows; does not touch report_config. Called by the statements that end runs,
-- for reports that have such rows. made: the output of a completed run, {"output_url",
-- "outputs", "row_count", "result", "horizon"}.
create function reportd.end_request(
	c reportd.report_config, outcome text, run_id bigint, error_message text, follow boolean,
	made jsonb default null,
	out request_id bigint, out scheduled_for timestamptz, out parameters jsonb,
	out opens boolean
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	last reportd.report_request;
begin
	-- A run that had no file has read nothing: it hands on what the last one did.
	if outcome = 'COMPLETED' and c.inputs is not null then
		select * into last from reportd.report_request q
		where q.config_id = c.config_id and q.newest;
		if c.result_sql is null or made ->> 'result' is not null then
			last.result := null;
		end if;
	end if;
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
				and c.run_parameters is null then true end,
			output_url = made ->> 'output_url', outputs = nullif(made -> 'outputs', 'null'),
			row_count = (made ->> 'row_count')::bigint,
			result = coalesce(nullif(made -> 'result', 'null'), last.result),
			horizon = coalesce((made ->> 'horizon')::timestamptz, q.horizon, last.horizon)
		where q.request_id = c.request_id;
	elsif c.has_children or made ->> 'result' is not null or made ->> 'horizon' is not null then
		perform reportd.keep_request(c);
		update reportd.report_request q
		set output_url = made ->> 'output_url', outputs = nullif(made -> 'outputs', 'null'),
			row_count = (made ->> 'row_count')::bigint, result = nullif(made -> 'result', 'null'),
			horizon = (made ->> 'horizon')::timestamptz
		where q.request_id = c.request_id and made is not null;
		c.request_kept := true;
	end if;
	opens := c.has_children and outcome = 'COMPLETED' and c.run_parameters is null;
	-- A schedule that is due and other waiting requests take turns.
	if not follow or c.next_run_time <= now() and not exists (
			select from reportd.report_request q
			where q.request_id = c.request_id and q.reason = 'schedule') then
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

-- Returns the outcomes of results that a call of sql/queue/finish.sql has not recorded. ended:
-- the runs that it has ended.
create function reportd.unrecorded(worker_id uuid, results jsonb, ended bigint[])
returns table (run_id bigint, outcome text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	select r.run_id, case when exists (
			select from reportd.report_run u
			join reportd.report_config c on c.config_id = u.config_id
			where u.run_id = r.run_id and u.worker_id = $1 and u.status = 'PROCESSING'
				and c.run_id = r.run_id and c.status = 'PROCESSING')
		then 'busy' else 'lost' end
	from jsonb_to_recordset($2) as r(run_id bigint)
	where r.run_id <> all ($3)
$$;
