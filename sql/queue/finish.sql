-- SPDX-License-Identifier: MIT
-- Records results: ends runs, or puts their reports back for another attempt. Only the run
-- that holds its report may write (the fence). A row that another session has locked is
-- left for the next call, so that it does not delay the others.
-- $1 worker_id uuid
-- $2 results jsonb: [{"run_id", "config_id", "status", "permanent", "stage",
--    "prep_ms", "stage_ms": {stage: ms}, "row_count", "byte_count", "output_url", "sha256", "error_stage",
--    "error_sqlstate", "error_message", "outputs", "remark", "leftovers", "result", "horizon",
--    "holder_pid", "holder_age_s": what holds the horizon back,
--    "aside": files of inputs that could not be used, see set_files_aside(), "score",
--    "checks": [{"name", "severity", "status", "failures", "total", "sample", "message"}],
--    "waits": it failed by checks alone that may be asked again}]; status is
--    COMPLETED, FAILED, CANCELLED or RELEASED (given back, not counted as an attempt)
-- $3 retry_backoff in ms, $4 retry_backoff_max in ms
-- When a request has ended without a retry, the next waiting request of the report follows
-- at once, unless the schedule of the report is due, which the tick fires first.
-- Returns for each result: run_id, outcome (the new status of the request; 'lost': the
-- fence refused it; 'busy': a row is locked, to be tried again), notices (how many notices
-- of all these runs are to be delivered), follows (another request of the report is due,
-- or other reports wait for it).
with held as materialized (
	-- Locks row by row by the primary keys, always in the order of config_id, so that no
	-- two calls can deadlock.
	select r.*,
		case when r.status in ('RELEASED', 'FAILED') and c.cancel_requested then 'CANCELLED'
			when r.status = 'RELEASED' or c.asks_again then 'PENDING'
			when r.status = 'FAILED' and r.permanent is not true
				and c.attempt <= c.max_retries then 'PENDING'
			else r.status end as new_status,
		case when r.status = 'RELEASED' then now()
			-- Waits grow with the time that has passed; the last one ends at the deadline.
			when c.asks_again then least(c.asks_until, now() + greatest(interval '1 second',
				least($4::bigint * interval '1 millisecond', greatest(
					$3::bigint * interval '1 millisecond',
					(now() - c.checks_since) * (0.25 + random() / 4)))))
			else now() + least($3::bigint * 2 ^ least(c.attempt - 1, 20), $4::bigint)
				* (0.5 + random() / 2) * interval '1 millisecond' end as retry_at,
		c.notify_on_completion, c.notify_on_failure, c.request_id, c.request_kept,
		c.requests_wait, c.owner, c.has_children, c.asks_again,
		r.status = 'RELEASED' or c.asks_again as given_back,
		case when c.asks_again then c.checks_since end as checks_since,
		case when r.waits and not c.asks_again
				then format('waited since %s; %s', c.checks_since, r.error_message)
			else r.error_message end as said,
		-- Executed before the request ends.
		case when r.aside is not null
			then reportd.set_files_aside(r.run_id, r.config_id, r.aside) end as set_aside
	from (select * from jsonb_to_recordset($2::jsonb) as r(run_id bigint, config_id bigint,
			status text, permanent boolean, stage text, prep_ms bigint, stage_ms jsonb,
			row_count bigint, byte_count bigint, output_url text, sha256 text,
			error_stage text, error_sqlstate text, error_message text, outputs jsonb,
			remark text, leftovers jsonb, aside jsonb, result jsonb, horizon timestamptz,
			holder_pid int, holder_age_s bigint, score int, checks jsonb, waits boolean)
		order by r.config_id) r
	cross join lateral (
		select k.config_id, k.attempt, k.max_retries, k.cancel_requested,
			k.notify_on_completion, k.notify_on_failure, k.request_id, k.request_kept,
			k.requests_wait, k.owner, k.has_children,
			coalesce(k.checks_since, now()) as checks_since,
			case when r.waits then coalesce(k.checks_since, now())
				+ coalesce(k.wait_timeout, interval '24 hours') end as asks_until,
			coalesce(r.waits and coalesce(k.checks_since, now())
				+ coalesce(k.wait_timeout, interval '24 hours') > now(), false) as asks_again
		from reportd.report_config k
		where k.config_id = r.config_id and k.run_id = r.run_id
			and k.status = 'PROCESSING'
		for update skip locked) c
	cross join lateral (
		select from reportd.report_run k
		where k.run_id = r.run_id and k.worker_id = $1 and k.status = 'PROCESSING'
		for update skip locked) u
), ended as (
	update reportd.report_config c
	set status = case when h.next_id is null then h.new_status else 'PENDING' end,
		due_at = case when h.next_id is not null then now()
			when h.new_status = 'PENDING' then h.retry_at else c.due_at end,
		attempt = case when h.next_id is not null then 0
			else c.attempt - h.given_back::int end,
		current_retries = case when h.next_id is not null then 0
			else greatest(c.current_retries - h.given_back::int, 0) end,
		last_run_time = now(), updated_timestamp = now(),
		request_id = coalesce(h.next_id, c.request_id),
		request_kept = c.request_kept or h.next_id is not null
			or h.keeps and h.new_status <> 'PENDING',
		scheduled_for = coalesce(h.next_for, c.scheduled_for),
		cancel_requested = c.cancel_requested and h.next_id is null,
		run_parameters = case when h.next_id is not null then h.next_parameters
			when h.new_status <> 'COMPLETED' then c.run_parameters end,
		error_message = case when h.given_back then c.error_message else h.said end,
		error_timestamp = case when h.given_back then c.error_timestamp
			when h.said is not null then now() end,
		checks_since = case when h.asks_again then h.checks_since
			when h.new_status = 'PENDING' then c.checks_since end
	-- Few columns: the server keeps a copy of the whole row of what it joins to an UPDATE.
	from (select k.config_id, k.run_id, k.new_status, k.retry_at, k.given_back, k.said,
			k.asks_again, k.checks_since, k.has_children or k.result is not null
				or k.horizon is not null as keeps, n.request_id as next_id, n.scheduled_for as next_for,
			n.parameters as next_parameters, n.opens
		from held k
		left join lateral (
			select e.*
			from reportd.report_config r
			cross join lateral reportd.end_request(r, k.new_status, k.run_id, k.said,
				k.requests_wait, case when k.new_status = 'COMPLETED' then jsonb_build_object(
					'output_url', k.output_url, 'outputs', k.outputs,
					'row_count', k.row_count, 'result', k.result,
					'horizon', k.horizon) end) e
			-- Only for requests that have their own row, or get one; most reports have
			-- none, and with a key of null nothing is looked up.
			where r.config_id = case when k.new_status <> 'PENDING'
				and (k.request_kept or k.requests_wait or k.has_children
					or k.result is not null or k.horizon is not null)
				then k.config_id end) n on true
		offset 0) h
	-- The array leaves the planner one way: to look each row up by its key.
	where c.config_id = any (array[h.config_id])
	returning h.run_id, h.new_status,
		h.next_id is not null or coalesce(h.opens, false) as follows
), logged as (
	update reportd.report_run u
	set status = case when r.new_status = 'CANCELLED' then 'CANCELLED'
			when r.asks_again then 'RELEASED' else r.status end,
		stage = r.stage, finished_at = now(),
		prep_finished_at = u.started_at + r.prep_ms * interval '1 millisecond',
		stage_ms = r.stage_ms, row_count = r.row_count, byte_count = r.byte_count,
		output_url = r.output_url, sha256 = r.sha256, error_stage = r.error_stage,
		error_sqlstate = r.error_sqlstate, error_message = r.said,
		outputs = r.outputs, remark = r.remark, leftovers = r.leftovers,
		horizon = coalesce(r.horizon, u.horizon), horizon_held_by = r.holder_pid,
		horizon_held_for = r.holder_age_s * interval '1 second', score = r.score,
		gave_up = case r.new_status when 'FAILED' then true end
	from held r
	where u.run_id = any (array[r.run_id])
	returning
		-- Every role may listen, to the reports of all owners: so only IDs and the status
		-- are sent.
		case when r.new_status <> 'PENDING' then pg_notify('reportd_done',
			concat('{"config_id" : ', r.config_id, ', "request_id" : ',
				coalesce(r.request_id::text, 'null'), ', "run_id" : ', r.run_id,
				', "status" : "', r.new_status, '"}')) end as told,
		case when r.checks is not null then reportd.keep_checks(
			r.run_id, r.config_id, r.owner, r.checks, not r.asks_again) end as checked,
		case when r.new_status = 'COMPLETED' and r.notify_on_completion is not null
				or r.new_status = 'FAILED' and r.notify_on_failure is not null
			then reportd.write_notices(r.run_id, r.config_id, r.owner, r.new_status,
				case r.new_status when 'FAILED' then r.notify_on_failure
					else r.notify_on_completion end) end as notices
)
select e.run_id, e.new_status as outcome,
	(select sum(l.notices) from logged l)::bigint as notices,
	e.follows
from ended e
union all
select u.run_id, u.outcome, 0, false
from reportd.unrecorded($1, $2::jsonb, array(select e.run_id from ended e)) u
where (select count(*) from ended) < jsonb_array_length($2::jsonb)
