-- SPDX-License-Identifier: MIT
-- Claims up to $2 due reports for the daemon, in one statement: effective
-- priority (each $6 of waiting is worth one level), ADHOC before SCHEDULED, then
-- the time at which it became due. Candidates come from one short index range a
-- class, so the cost does not grow with the queue; only chosen rows are locked.
-- $1 worker_id uuid, $2 wanted int, $3 most SCHEDULED ones int,
-- $4 limited sources text[], $5 their max_running int[], $6 ageing in ms
-- Returns `seen`, how many could have been claimed, and one row a job (at least
-- one row: without a run_id when nothing was claimed).
with me as materialized (
	-- One that lost its lease and has not heard of it yet takes nothing.
	select w.worker_id from reportd.report_worker w
	where w.worker_id = $1
	for key share
), room as materialized (
	select k.source, k.priority, k.trigger_type,
		case when l.max is not null then
			l.max - (select count(*) from reportd.report_config c
				where c.status = 'PROCESSING' and c.source = k.source)
		end as source_room
	from me cross join reportd.pending_class k
	left join unnest($4::text[], $5::int[]) as l(source, max) on l.source = k.source
), candidate as materialized (
	select d.config_id, d.rank, r.trigger_type, r.source_room,
		row_number() over (partition by r.source order by d.rank, r.trigger_type, d.due_at, d.config_id) as source_place,
		row_number() over (partition by r.trigger_type order by d.rank, d.due_at, d.config_id) as trigger_place,
		row_number() over (order by d.rank, r.trigger_type, d.due_at, d.config_id) as place
	from room r cross join lateral (
		select c.config_id, c.due_at, c.priority - floor(
			extract(epoch from now() - c.due_at)::float8 * 1000 / $6::bigint) as rank
		from reportd.report_config c
		where c.status = 'PENDING' and c.is_active and c.source = r.source
			and c.priority = r.priority and c.trigger_type = r.trigger_type
			and c.due_at <= now()
		order by c.due_at
		-- Some to spare: other daemons may hold the first ones.
		limit $2::int + 16) d
	where r.source_room is null or r.source_room > 0
), eligible as materialized (
	select k.config_id, k.place
	from candidate k
	where (k.source_room is null or k.source_place <= k.source_room)
		and (k.trigger_type <> 'SCHEDULED' or k.trigger_place <= $3::int)
), chosen as materialized (
	-- Row by row in order, so that no more are locked than are taken. The sum
	-- with '' keeps the planner off the partial index: one row by its key.
	select c.*, k.place
	from (select e.config_id, e.place from eligible e order by e.place) k
	cross join lateral (
		select c.config_id, c.report_name, c.attempt, c.run_id, c.due_at,
			c.scheduled_for, c.time_zone,
			c.parameters || coalesce(c.run_parameters, '{}') as parameters
		from reportd.report_config c
		where c.config_id = k.config_id and c.status || '' = 'PENDING'
			and c.is_active and c.due_at <= now()
		for update skip locked) c
	order by k.place
	limit $2::int
), numbered as materialized (
	select c.*, nextval('reportd.report_run_run_id_seq') as new_run_id,
		coalesce(c.scheduled_for, c.due_at) as runs_for,
		(select jsonb_object_agg(p.key, p.value) from jsonb_each_text(c.parameters) p)
			as texts
	from chosen c
), stale as (
	-- A run whose report somebody set back to PENDING: it has lost the fence.
	update reportd.report_run u
	set status = 'LOST', finished_at = now(), error_stage = u.stage,
		error_message = 'the report was taken from it'
	where u.run_id = any (array(select c.run_id from chosen c))
		and u.status = 'PROCESSING'
), run as (
	insert into reportd.report_run
		(run_id, config_id, report_name, attempt, scheduled_for, worker_id,
			started_at, parameters)
	overriding system value
	select c.new_run_id, c.config_id, c.report_name, c.attempt + 1, c.runs_for,
		-- Under the lock of a limit now() may lie before the end that made room.
		$1, statement_timestamp(), c.texts
	from numbered c
), job as (
	update reportd.report_config c
	set status = 'PROCESSING', run_id = r.new_run_id, attempt = c.attempt + 1,
		current_retries = c.attempt, scheduled_for = r.runs_for,
		cancel_requested = false, updated_timestamp = now()
	from (
		select k.*, reportd.local_time(k.runs_for, k.time_zone) as local
		from numbered k) r
	-- The array is for the planner: a look-up by key for each of them.
	where c.config_id = any (array(select k.config_id from numbered k))
		and c.config_id = r.config_id
	returning r.new_run_id as run_id, c.config_id, c.trigger_type, c.source,
		extract(epoch from c.timeout) * 1000 as timeout_ms,
		json_build_object(
			'run_id', r.new_run_id,
			'config_id', c.config_id,
			'report_name', c.report_name,
			'attempt', c.attempt,
			'source', c.source,
			'prep_sql', c.prep_sql,
			'export_sql', c.export_sql,
			'parameters', r.texts,
			'output_format', c.output_format,
			'output_path', c.output_path,
			'output_options', c.output_options,
			'time_zone', c.time_zone,
			'scheduled_for', to_char(r.local, 'YYYY-MM-DD"T"HH24:MI:SS'),
			'utc_offset', extract(epoch from
				r.local - (r.runs_for at time zone 'UTC'))::int,
			-- What an output says of itself; a CSV says nothing.
			'info', case when c.output_format <> 'CSV' then json_build_object(
				'author', c.created_by,
				'time', extract(epoch from statement_timestamp())::bigint,
				'time_text', to_char(
					reportd.local_time(statement_timestamp(), c.time_zone),
					'YYYY-MM-DD HH24:MI:SS')) end
		)::text as job
)
select (select count(*) from eligible) as seen, j.run_id, j.config_id,
	j.trigger_type, j.source, j.timeout_ms::bigint as timeout_ms, j.job
from (values (1)) as always(one) left join job j on true
order by j.run_id
