-- SPDX-License-Identifier: MIT
-- Counters for monitoring. Each run that has ended is added to them once, so that reading
-- the counters does not read history. Daemons do this each minute; a reader adds the runs
-- that have ended since, and writes and locks nothing.

create table reportd.tally_turn (
	one boolean primary key default true check (one),
	up_to bigint not null default 0
);
comment on table reportd.tally_turn is
	'Locked while runs are added up; up_to: the run_id up to which they are, but for those in run_open.';
insert into reportd.tally_turn default values;

-- Rows live as long as their runs; a row whose number no run got lives for an hour.
create table reportd.run_open (
	run_id bigint primary key,
	since timestamptz not null default now()
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
comment on table reportd.run_open is
	'Runs that had not ended, or were not visible yet, when the counters passed their numbers.';

create table reportd.run_tally (
	report_type text not null,
	status text not null,
	runs bigint not null,
	retries bigint not null,
	failed bigint not null,
	row_count numeric not null,
	byte_count numeric not null,
	primary key (report_type, status)
);
comment on table reportd.run_tally is
	'Runs that have ended, by type of report and status; from the 101st type on as "other". failed: those with which a request ended FAILED.';

create table reportd.stage_tally (
	stage text primary key,
	counts bigint[] not null,
	total numeric not null
);
comment on table reportd.stage_tally is
	'How long stages took. counts: how many runs took at most as many seconds as the element of stage_buckets() says; total: seconds of all runs.';

create table reportd.check_tally (
	status text primary key,
	checks bigint not null
);
comment on table reportd.check_tally is
	'Checks of runs that have ended, by how they came out.';

create function reportd.stage_buckets() returns numeric[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select '{0.1,0.5,1,5,15,60,300,900,3600,10800}'::numeric[]
$$;

-- The figures of runs that have ended. label: their type; all types from the 101st on
-- count as "other". took: {stage: ms}, and "run" for the run as a whole.
create function reportd.run_facts(ids bigint[], types text[])
returns table (label text, status text, attempt int, gave_up boolean, row_count bigint,
	byte_count bigint, took jsonb)
language sql stable set search_path = pg_catalog, pg_temp
	set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
	with run as materialized (
		select coalesce(c.report_type, 'none') as kind, r.status, r.attempt, r.gave_up,
			r.row_count, r.byte_count,
			coalesce(r.stage_ms, '{}') || jsonb_strip_nulls(jsonb_build_object('run',
				extract(epoch from r.finished_at - r.started_at) * 1000)) as took
		from unnest(ids) n(id)
		join reportd.report_run r on r.run_id = n.id
		left join reportd.report_config c using (config_id)
	), known as (
		-- Free text: no more than a hundred of them become labels.
		select k.kind, case when k.kind = any (types)
				or cardinality(types) + k.n <= 100 then k.kind else 'other' end as label
		from (select d.kind, row_number() over (order by d.kind = any (types), d.kind) as n
			from (select distinct run.kind from run) d) k
	)
	select k.label, r.status, r.attempt, r.gave_up, r.row_count, r.byte_count, r.took
	from run r join known k using (kind)
$$;

-- Returns, for each bucket, how many of these durations are within its bound.
create function reportd.stage_counts(took numeric[]) returns bigint[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select array(
		select coalesce(sum((s.took <= b.most)::int), 0)
		-- NaN is above all numbers; PostgreSQL 13 has no other such numeric.
		from unnest(reportd.stage_buckets() || 'NaN'::numeric) with ordinality b(most, at)
		cross join unnest(stage_counts.took) s(took)
		group by b.at order by b.at)
$$;

-- Adds at most 20000 runs in a call. One statement reads one state of the runs, so that
-- none is added twice or left out. Plans that read the whole table are switched off: new
-- runs are a short range of its primary key.
create function reportd.tally_runs() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
	set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
	last bigint;
	top bigint;
	types text[];
begin
	select t.up_to into last from reportd.tally_turn t for update skip locked;
	if last is null then
		return; -- another session is at it
	end if;
	select least(max(r.run_id), last + 20000) into top from reportd.report_run r;
	top := greatest(coalesce(top, 0), last);
	types := array(select distinct t.report_type from reportd.run_tally t);
	with fresh as materialized (
		select g.id, r.status is not null and r.status <> 'PROCESSING' as ended
		from generate_series(last + 1, top) g(id)
		left join reportd.report_run r
			on r.run_id = g.id and r.run_id > last and r.run_id <= top
	), again as (
		delete from reportd.run_open o using reportd.report_run r
		where r.run_id = o.run_id and r.status <> 'PROCESSING'
		returning o.run_id
	), kept as (
		insert into reportd.run_open (run_id) select f.id from fresh f where not f.ended
	), done as materialized (
		select f.id from fresh f where f.ended union all select run_id from again
	), checked as (
		insert into reportd.check_tally as t (status, checks)
		select k.status, count(*)
		from done cross join lateral (
			select c.status from reportd.report_check c where c.run_id = done.id) k
		group by k.status
		on conflict (status) do update set checks = t.checks + excluded.checks
	), run as materialized (
		select f.* from reportd.run_facts(array(select n.id from done n), types) f
	), counted as (
		insert into reportd.run_tally as t
			(report_type, status, runs, retries, failed, row_count, byte_count)
		select run.label, run.status, count(*), count(*) filter (where run.attempt > 1),
			count(*) filter (where run.gave_up),
			coalesce(sum(run.row_count), 0), coalesce(sum(run.byte_count), 0)
		from run group by run.label, run.status
		on conflict (report_type, status) do update set runs = t.runs + excluded.runs,
			retries = t.retries + excluded.retries,
			failed = t.failed + excluded.failed,
			row_count = t.row_count + excluded.row_count,
			byte_count = t.byte_count + excluded.byte_count
	)
	insert into reportd.stage_tally as t (stage, counts, total)
	select s.stage, reportd.stage_counts(array_agg(s.took)), sum(s.took)
	from run cross join lateral (
		select k.key as stage, k.value::numeric / 1000 as took
		from jsonb_each(run.took) k) s
	group by s.stage
	on conflict (stage) do update set total = t.total + excluded.total, counts = array(
		select a + b from unnest(t.counts, excluded.counts) with ordinality u(a, b, at)
		order by u.at);
	delete from reportd.run_open o
	where o.since < now() - interval '1 hour' and not exists (
		select from reportd.report_run r where r.run_id = o.run_id);
	update reportd.tally_turn t set up_to = top where t.up_to <> top;
end $$;
comment on function reportd.tally_runs is
	'Adds the runs that have ended since the last call to the counters.';

-- Returns samples: [[name, {label: value}, value]]; their meanings are in
-- daemon/http/metrics_text.c. One statement reads one state, so no run is counted twice.
create function reportd.metrics() returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	with ended as materialized (
		-- The runs that no daemon has added yet.
		select array(
			select r.run_id from reportd.tally_turn t
			join reportd.report_run r on r.run_id > t.up_to
				and r.run_id <= t.up_to + 20000 and r.status <> 'PROCESSING'
			union all
			select o.run_id from reportd.run_open o
			join reportd.report_run r using (run_id)
			where r.status <> 'PROCESSING') as ids
	), fresh as materialized (
		select f.* from ended e cross join lateral reportd.run_facts(e.ids,
			array(select distinct t.report_type from reportd.run_tally t)) f
	), run_tally as materialized (
		select a.report_type, a.status, sum(a.runs)::bigint as runs,
			sum(a.retries)::bigint as retries, sum(a.failed)::bigint as failed,
			sum(a.row_count) as row_count, sum(a.byte_count) as byte_count
		from (select t.report_type, t.status, t.runs, t.retries, t.failed, t.row_count,
				t.byte_count
			from reportd.run_tally t
			union all
			select f.label, f.status, 1, (f.attempt > 1)::int,
				coalesce(f.gave_up, false)::int, coalesce(f.row_count, 0),
				coalesce(f.byte_count, 0)
			from fresh f) a
		group by a.report_type, a.status
	), stage_tally as materialized (
		select a.stage, sum(a.total) as total, array(
				select sum(u.n)::bigint from unnest(array_agg(a.at)) with ordinality k(at, i)
				join unnest(array_agg(a.n)) with ordinality u(n, i) using (i)
				group by k.at order by k.at) as counts
		from (select t.stage, c.at, c.n, case when c.at = 1 then t.total else 0 end as total
			from (select t.stage, t.counts, t.total from reportd.stage_tally t
				union all
				select s.stage, reportd.stage_counts(array_agg(s.took)), sum(s.took)
				from fresh f cross join lateral (
					select k.key as stage, k.value::numeric / 1000 as took
					from jsonb_each(f.took) k) s
				group by s.stage) t
			cross join lateral unnest(t.counts) with ordinality c(n, at)) a
		group by a.stage
	), check_tally as materialized (
		select a.status, sum(a.checks)::bigint as checks
		from (select t.status, t.checks from reportd.check_tally t
			union all
			select c.status, 1 from ended e
			join reportd.report_check c on c.run_id = any (e.ids)) a
		group by a.status
	), keyed as materialized (
		-- Only 500 reports with a key are shown, so owners take turns: the keys of one owner must
		-- not take the places of the others.
		select c.config_id, c.report_key, c.run_id, row_number() over (
			partition by c.owner order by c.report_key) as place
		from reportd.report_config c where c.report_key is not null
	)
	select jsonb_agg(jsonb_build_array(s.name, s.labels, s.value)) from (
		select 'queue_due' as name, jsonb_build_object('trigger_type', k.kind,
				'priority', p.priority::text) as labels, coalesce(n.n, 0) as value
		from unnest('{ADHOC,SCHEDULED,AFTER,FILE}'::text[]) k(kind)
		cross join generate_series(1, 5) p(priority)
		left join (select c.trigger_type, c.priority, count(*) as n
			from reportd.report_config c
			where c.status = 'PENDING' and c.is_active and c.due_at <= now()
			and c.due_at < 'infinity' -- implied, and what the index says
			group by c.trigger_type, c.priority) n
			on n.trigger_type = k.kind and n.priority = p.priority
		union all
		select 'queue_oldest_due_age_seconds', '{}',
			coalesce(extract(epoch from now() - min(c.due_at))::numeric, 0)
		from reportd.report_config c
		where c.status = 'PENDING' and c.is_active and c.due_at <= now()
			and c.due_at < 'infinity' -- implied, and what the index says
		union all
		select 'reports', jsonb_build_object('trigger_type', c.trigger_type, 'status', c.status),
			count(*)
		from reportd.report_config c group by c.trigger_type, c.status
		union all
		select 'requests_waiting', jsonb_build_object('state', v.state),
			(select count(*) from reportd.report_request q
			where q.state = v.state and q.state in ('WAITING', 'QUEUED'))
		from (values ('WAITING'), ('QUEUED')) v(state)
		union all
		select 'schedules_overdue', '{}', count(*) from reportd.report_config c
		where c.trigger_type = 'SCHEDULED' and c.is_active
			and c.next_run_time < now() - interval '1 minute'
		union all
		select 'runs_total', jsonb_build_object('report_type', t.report_type, 'status', t.status),
			t.runs from run_tally t
		union all
		select 'run_retries_total', '{}', coalesce(sum(t.retries), 0) from run_tally t
		union all
		-- Without a label, so that it is there before the first report fails: Prometheus sees no
		-- increase in a series that begins with 1.
		select 'reports_failed_total', '{}', coalesce(sum(t.failed), 0) from run_tally t
		union all
		select 'lease_losses_total', '{}', coalesce(sum(t.runs), 0)
		from run_tally t where t.status = 'LOST'
		union all
		select 'output_rows_total', jsonb_build_object('report_type', t.report_type),
			sum(t.row_count) from run_tally t
		where t.status = 'COMPLETED' group by t.report_type
		union all
		select 'output_bytes_total', jsonb_build_object('report_type', t.report_type),
			sum(t.byte_count) from run_tally t
		where t.status = 'COMPLETED' group by t.report_type
		union all
		select 'stage_duration_seconds_bucket', jsonb_build_object('stage', t.stage,
				'le', coalesce((reportd.stage_buckets())[b.at]::text, '+Inf')), b.n
		from stage_tally t
		cross join unnest(t.counts) with ordinality b(n, at)
		union all
		select 'stage_duration_seconds_sum', jsonb_build_object('stage', t.stage), t.total
		from stage_tally t
		union all
		select 'stage_duration_seconds_count', jsonb_build_object('stage', t.stage),
			t.counts[cardinality(t.counts)] from stage_tally t
		union all
		select 'checks_total', jsonb_build_object('status', k.status),
			coalesce((select t.checks from check_tally t where t.status = k.status), 0)
		from unnest('{passed,warned,failed,error}'::text[]) k(status)
		union all
		(select 'last_score', jsonb_build_object('report_key', c.report_key), r.score
		from keyed c
		join reportd.report_run r on r.run_id = c.run_id
		where r.score is not null
		order by c.place, c.report_key limit 500)
		union all
		select 'notices_waiting', jsonb_build_object('channel', k.channel), (
			select count(*) from reportd.report_notification n
			where n.state in ('PENDING', 'SENDING') and n.channel = k.channel)
		from unnest('{mail,sns,slack,webhook}'::text[]) k(channel)
		union all
		select 'notices_failed_last_day', jsonb_build_object('channel', k.channel), (
			select count(*) from reportd.report_notification n
			where n.state = 'FAILED' and n.created_at > now() - interval '1 day'
				and n.channel = k.channel)
		from unnest('{mail,sns,slack,webhook}'::text[]) k(channel)
		union all
		select 'daemons', '{}', count(*) from reportd.running_daemon w
		union all
		select 'workers', '{}', coalesce(sum(w.workers), 0) from reportd.running_daemon w
		union all
		select 'workers_busy', '{}', count(*) from reportd.report_config c
		where c.status = 'PROCESSING'
		union all
		(select 'last_success_timestamp_seconds', jsonb_build_object('report_key', c.report_key),
			round(extract(epoch from r.finished_at)::numeric, 3)
		from (select k.* from keyed k order by k.place, k.report_key) c
		cross join lateral (
			select n.finished_at from (
				select k.finished_at, k.status, k.run_id from reportd.report_run k
				where k.config_id = c.config_id order by k.run_id desc limit 100) n
			where n.status = 'COMPLETED' order by n.run_id desc limit 1) r
		order by c.place, c.report_key limit 500)
		union all
		(select 'horizon_lag_seconds', jsonb_build_object('report_key', c.report_key),
			round(extract(epoch from now() - q.horizon)::numeric, 3)
		from keyed c
		join reportd.report_request q on q.config_id = c.config_id and q.newest
		where q.horizon is not null
		order by c.place, c.report_key limit 500)
		union all
		(select 'horizon_held_seconds',
			jsonb_build_object('report_key', c.report_key, 'pid', r.horizon_held_by::text),
			extract(epoch from r.horizon_held_for)
		from keyed c
		join reportd.report_request q on q.config_id = c.config_id and q.newest
		join reportd.report_run r on r.run_id = q.run_id
		where r.horizon_held_by is not null
		order by c.place, c.report_key limit 500)
		union all
		select 'input_files', jsonb_build_object('state', k.state), (
			select count(*) from reportd.report_input f
			where f.state = k.state and f.moved_to is null)
		from unnest('{NEW,TAKEN,FAILED}'::text[]) k(state)
		union all
		(select m.name, jsonb_build_object('inbox', b.inbox), m.value
		from reportd.v_inboxes b
		cross join lateral (values ('inbox_taken_total', b.taken),
			('inbox_refused_total', b.refused), ('inbox_untold', b.untold),
			('inbox_aside', b.aside), ('inbox_untold_age_seconds',
				coalesce(round(extract(epoch from now() - b.untold_since)::numeric, 3), 0)),
			('inbox_last_success_timestamp_seconds',
				round(extract(epoch from b.read_at)::numeric, 3))) m(name, value)
		where m.value is not null order by b.inbox limit 600)) s
$$;
comment on function reportd.metrics is
	'Samples for monitoring, of all owners: [[name, {label: value}, value]].';
