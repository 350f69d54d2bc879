-- SPDX-License-Identifier: MIT
-- Sends the heartbeat and does everything else that depends on time: stores the progress of
-- the runs in hand, rescues jobs and notices whose daemon is gone, fires schedules.
-- Parts that few ticks need are functions, called where a short look finds a cause: they
-- cost nothing before, and a new daemon's first tick, which claims wait for, is planned soon.
-- Always one row.
-- $1 worker_id uuid
-- $2 runs in hand jsonb: see tell_progress()
-- $3 misfire_grace in ms: a schedule that fires later than this has missed its time
-- $4 lease in ms, $5 workers int: a reload may have changed them
-- $6 attempts of a notice int, $7 notices in hand int
with beat as (
	update reportd.report_worker w
	set heartbeat_at = now(), workers = $5,
		lease = $4::bigint * interval '1 millisecond',
		-- The earlier of two times: the clock may have been set back.
		judges_from = least(now() + $4::bigint * interval '1 millisecond',
			case when w.heartbeat_at > now() - w.lease then w.judges_from end)
	where w.worker_id = $1
	returning w.worker_id
), worker as materialized (
	-- The rows as they were before this tick.
	select w.worker_id, w.heartbeat_at, w.lease, w.judges_from from reportd.report_worker w
), me as materialized (
	-- If this daemon, too, had no contact for its lease, the server was the cause: the other
	-- daemons then get one lease to connect again, and are not judged. Always one row.
	select min(w.lease) as lease, coalesce(bool_or(
		w.heartbeat_at > now() - w.lease and w.judges_from <= now()), false) as judges
	from worker w where w.worker_id = $1
), sending as materialized (
	select n.worker_id, count(*) as notices from reportd.report_notification n
	where n.state = 'SENDING' group by n.worker_id
), news as materialized (
	select reportd.tell_progress($1, $2::jsonb) as news where $2::jsonb <> '[]'
), rescue as materialized (
	select r.* from me m
	cross join lateral reportd.rescue($1, $2::jsonb, m.lease, m.judges, $6::int) r
	where m.judges and exists (select from worker d
			where (d.heartbeat_at < now() - d.lease or d.heartbeat_at > now() + d.lease)
				and d.worker_id <> $1)
		or exists (select from reportd.report_config c
			cross join lateral ( -- offset 0: looks each row up by its key, without a join
				select u.worker_id, u.started_at from reportd.report_run u
				where u.run_id = c.run_id offset 0) r
			where c.status = 'PROCESSING'
				and (r.worker_id not in (select w.worker_id from worker w)
					or r.worker_id = $1 and r.started_at < now() - m.lease
						and not $2::jsonb @> jsonb_build_array(
							jsonb_build_object('run_id', c.run_id))))
		or exists (select from sending s
			where s.worker_id not in (select w.worker_id from worker w))
), schedule as materialized (
	-- The next one, whatever the state of its report.
	select c.next_run_time as at from reportd.report_config c
	where c.trigger_type = 'SCHEDULED' and c.is_active
	order by c.next_run_time limit 1
), fire as materialized (
	select f.* from reportd.fire_schedules($3::bigint * interval '1 millisecond') f
	where exists (select from schedule s where s.at <= now())
), following as materialized (
	select reportd.follow_at_rest(array(select unnest(f.config_ids) from fire f
			union all select unnest(r.config_ids) from rescue r)) as taken
	where exists (select from reportd.report_config r
		where r.requests_wait and r.status in ('COMPLETED', 'FAILED', 'CANCELLED'))
), class as materialized (
	select k.*, row_number() over () as n from reportd.pending_class k
), sourceless as materialized (
	select reportd.end_sourceless($1) as ended
	where exists (select from class k
		where not exists (select from reportd.report_source s where s.source = k.source))
), pipeline as materialized (
	-- Few queues have rows in these tables.
	select p.* from reportd.pipelines_due($1) p
	where exists (select from reportd.report_request q where q.state = 'WAITING')
		or exists (select from reportd.report_request q where q.opens)
		or exists (select from reportd.report_look)
		or exists (select from reportd.report_zone)
		or exists (select from reportd.report_input i where i.move_at is not null)
		or exists (select from reportd.report_input i where i.move_by is not null)
), next_notice as (
	select min(t.at) as at from (
		(select n.due_at as at from reportd.report_notification n
		 where n.state = 'PENDING'
		 order by n.due_at limit 1)
		union all
		select now() from rescue r where r.notices
		union all
		-- Notices of this daemon that it does not know: the answer to their claim was
		-- lost.
		select now() from sending s where s.worker_id = $1 and s.notices > $7::int
	) t
), next as (
	select min(t.at) as at from (
		select d.due_at as at
		from class k
		cross join lateral (
			-- More classes than this looks at: something may be due in the others.
			select case when k.n = 256 then now() else c.due_at end as due_at
			from reportd.report_config c
			where c.status = 'PENDING' and c.is_active and c.due_at < 'infinity'
				and c.owner = k.owner and c.source = k.source
				and c.priority = k.priority and c.trigger_type = k.trigger_type
			order by c.due_at limit 1) d
		union all
		select f.next_at from fire f
		union all
		select s.at from schedule s where s.at > now()
		union all
		-- The end of another daemon's lease; it is at least half a lease away while that
		-- daemon lives.
		(select min(d.heartbeat_at + d.lease) from worker d
		 where d.worker_id <> $1 and d.heartbeat_at >= now() - d.lease)
		union all
		select now() from rescue r where r.due
		union all
		select now() from following f where f.taken
		union all
		select p.next_at from pipeline p
	) t
)
select exists (select from beat) as alive,
	(select n.news from news n) as news,
	(select r.rescued from rescue r) as rescued,
	-- How many reports have ended FAILED here.
	coalesce((select r.failed from rescue r), 0)
		+ coalesce((select s.ended from sourceless s), 0) as failed,
	-- Milliseconds until a report can be claimed or a schedule fires; null: none is known.
	(select greatest(ceil(extract(epoch from n.at - now()) * 1000), 0)::bigint
	 from next n where n.at < 'infinity') as next_ms,
	-- Milliseconds until a notice is due; null: none is known.
	(select greatest(ceil(extract(epoch from n.at - now()) * 1000), 0)::bigint
	 from next_notice n where n.at < 'infinity') as notice_ms,
	-- The leftovers of killed runs in other systems, of at most 20 runs; null: none.
	case when exists (select from reportd.report_run r
			where r.leftovers is not null and r.status <> 'PROCESSING')
		then reportd.leftovers() end as leftovers,
	-- Says whether claims must observe quotas.
	exists (select from reportd.report_quota q where q.max_running is not null) as quotas,
	-- Says whether more schedules may be due than fire in one call.
	(select f.more from fire f) as more,
	-- Says whether steps.sql has something to do.
	exists (select from fire f where f.waits)
		or exists (select from pipeline p where p.steps) as steps,
	-- Says whether a zone of files is to be listed, and whether files are to be moved.
	(select p.listings from pipeline p) as listings,
	(select p.moves from pipeline p) as moves
