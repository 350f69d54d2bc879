-- SPDX-License-Identifier: MIT
-- Claims up to $2 due reports for the daemon, in one statement. Owners share: the owner
-- with the fewest reports running and chosen comes first. The reports of an owner are
-- ordered by effective priority (each $6 of waiting raises it by one level, at most by
-- ten), then ADHOC before the others, then the time at which they became due.
-- Candidates are read from one short index range for each class of waiting reports (owner,
-- source, priority, trigger type; see claim_candidates), and only for as many owners as can
-- be served. So the cost depends on $2, not on the length of the queue or the number of
-- owners. Only chosen rows are locked.
-- $1 worker_id uuid, $2 wanted int, $3 most SCHEDULED and AFTER reports among them int,
-- $4 the daemon's sources text[], $5 their max_running int[] (null: no limit),
-- $6 ageing in ms
-- $7 where earlier claims ended jsonb: [[owner, source, priority, trigger_type, due_at,
--    config_id, running]]: these classes are read from that place on, which skips claimed
--    rows and dead index entries; null: from their beginning
-- $8 the owner that was served last oid: the search begins after it; 0: none
-- Returns a row for each job in the order of the claim, and at least one row, which has no
-- run_id when nothing was claimed. `seen` is the number of reports that could have been
-- claimed; the class of each job and the running reports of its owner are for the next
-- claim's $7.
with me as materialized (
	-- A daemon that has lost its lease, and does not know it yet, claims nothing.
	select w.worker_id, w.folders, w.targets from reportd.report_worker w
	where w.worker_id = $1
	for key share
), eligible as materialized (
	select k.* from me cross join lateral reportd.claim_candidates(
		$2, $3, $4, $5, $6, $7::jsonb, $8, me.folders, me.targets) k
), numbered as materialized (
	select c.config_id, c.report_name, c.attempt, c.run_id, c.request_id, c.owner, c.time_zone,
		c.operator, c.running, nextval('reportd.report_run_run_id_seq') as new_run_id,
		coalesce(c.scheduled_for, c.due_at) as runs_for,
		case when t.unfit then null else t.texts end as texts, c.large or t.unfit as unfit,
		u.request_id = c.request_id as given_back,
		-- A run whose report was set back to PENDING by hand has lost its claim.
		case when u.status = 'PROCESSING' then reportd.lose_run(u.run_id) end as lost
	from (
		-- Locks row by row in order, so that only claimed rows are locked. The empty text
		-- added to status keeps the planner from the partial index: each row is found by
		-- its key.
		select c.*, k.running
		from (select e.config_id, e.place, e.running from eligible e order by e.place) k
		cross join lateral (
			select c.config_id, c.report_name, c.attempt, c.run_id, c.request_id, c.owner,
				c.due_at, c.scheduled_for, c.time_zone, l.large,
				case when not l.large and (c.parameters, coalesce(c.run_parameters, '{}'))
						<> ('{}', '{}')
					then c.parameters || coalesce(c.run_parameters, '{}') end as parameters,
				pg_has_role(c.owner, 'reportd_operator', 'USAGE') as operator
			from reportd.report_config c
			-- A row from before the limits of size may be too large: that report alone
			-- fails, and its values are not unpacked. The expression is that of
			-- reportd.is_large(), whose call would cost more.
			cross join lateral (select greatest(pg_column_size(c.parameters),
					pg_column_size(c.run_parameters), pg_column_size(c.output_options)) > 2000000
				or coalesce(octet_length(c.prep_sql), 0) + coalesce(octet_length(c.export_sql), 0)
					+ coalesce(octet_length(c.result_sql), 0) > 4000000 as large) l
			where c.config_id = k.config_id and c.status || '' = 'PENDING'
				and c.is_active and c.due_at <= now()
			for update of c skip locked) c
		order by k.place
		limit $2::int
	) c
	-- A value that is small on disk may be long as text, such as the number 1e131071.
	cross join lateral (
		select p.texts, coalesce(pg_column_size(p.texts) > 4000000, false) as unfit
		from (select case when c.parameters is not null
			then (select jsonb_object_agg(p.key, c.parameters ->> p.key)
				from (select jsonb_object_keys(c.parameters) as key) p) end as texts offset 0) p) t
	-- The last run, looked up for each report by itself ("offset 0").
	left join lateral (select u.run_id, u.request_id, u.status from reportd.report_run u
		where u.config_id = c.config_id and u.run_id = c.run_id offset 0) u on true
), run as (
	insert into reportd.report_run
		(run_id, config_id, request_id, owner, report_name, attempt, scheduled_for,
			worker_id, started_at, parameters)
	overriding system value
	select c.new_run_id, c.config_id, c.request_id, c.owner, c.report_name,
		c.attempt + 1, c.runs_for,
		-- Not now(): with claim_lock.sql before it, this transaction may have begun
		-- before the end of the run that made room.
		$1, statement_timestamp(), c.texts
	from numbered c
), job as (
	update reportd.report_config c
	set status = 'PROCESSING', run_id = r.new_run_id, attempt = c.attempt + 1,
		current_retries = c.attempt, scheduled_for = r.runs_for,
		cancel_requested = false, updated_timestamp = now()
	from (
		select k.*, case k.time_zone when 'UTC' then k.runs_for at time zone 'UTC'
			else reportd.local_time(k.runs_for, k.time_zone) end as local
		from numbered k) r
	-- The array leaves the planner one way: to look each row up by its key.
	where c.config_id = any (array[r.config_id])
	returning r.new_run_id as run_id, c.config_id, c.trigger_type, c.source,
		extract(epoch from c.timeout) * 1000 as timeout_ms,
		case when not r.operator then extract(epoch from
			(reportd.quota_of(c.owner)).max_timeout) * 1000 end as quota_ms,
		c.owner, c.priority,
		c.due_at, r.running,
		case when r.unfit then 'the report is too large: its parameters, prep_sql and export_sql may have 4000000 bytes each'
			when not r.operator then (reportd.denial(c)).message end as denied,
		case when not r.unfit then row_to_json(row(
			c.request_id,
			c.report_name,
			c.attempt,
			c.source,
			c.export_sql,
			r.texts,
			c.output_format,
			c.output_path,
			c.output_options,
			c.time_zone,
			to_char(r.local, 'YYYY-MM-DD"T"HH24:MI:SS'),
			date_part('epoch', r.local - (r.runs_for at time zone 'UTC'))::int,
			pg_get_userbyid(c.owner),
			-- Members that few reports have. A null costs the server and the worker
			-- as much as a value does.
			case when not r.operator or c.attempt > 1 or c.output_format <> 'CSV'
					or c.trigger_type = 'FILE'
					or num_nonnulls(c.prep_sql, c.result_sql, c.target, c.links,
						c.checks, c.inputs) > 0 or r.given_back
				then reportd.rare_members(c, r.operator, r.run_id) end
		)::reportd.job)::text end as job, c.target
)
select e.seen, j.run_id, j.config_id,
	j.trigger_type, j.source, j.timeout_ms::bigint as timeout_ms,
	j.job, j.denied,
	j.owner::oid as owner, j.priority, j.due_at, j.running,
	j.quota_ms::bigint as quota_ms, j.target
from (select count(*) as seen from eligible) e left join job j on true
order by j.run_id
