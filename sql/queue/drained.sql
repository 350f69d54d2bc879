-- SPDX-License-Identifier: MIT
-- Tells a daemon that ends when its work is done whether work is left. One row:
-- retry_ms, the ms until a failed report is next tried again (null: no report waits
-- for that); orphans, whether a report is due that this daemon can run, or reports run on
-- a daemon that has missed its heartbeat, or requests of AFTER reports have still to be
-- opened, or files are to be listed or moved. A daemon sends at least two heartbeats within
-- a lease. $1 worker_id uuid
with mine as (
	-- The reports that a claim of this daemon could take, now or later.
	select c.due_at, c.attempt from reportd.report_worker w
	join reportd.report_config c on c.source = any (w.sources)
		and (c.target is null or c.target = any (w.targets))
		and (c.local_paths is null or reportd.reaches_all(w.folders, c.local_paths))
	where w.worker_id = $1 and c.status = 'PENDING' and c.is_active
		and c.due_at < 'infinity'
)
select (select greatest(ceil(extract(epoch from n.at - now()) * 1000), 0)::bigint
		from (select min(m.due_at) as at from mine m where m.attempt > 0) n
		where n.at is not null) as retry_ms,
	exists (select from mine m where m.due_at <= now()
	) or exists (select from reportd.report_worker w
		where w.worker_id <> $1
			and w.heartbeat_at not between now() - w.lease / 2 and now() + w.lease / 2
			and exists (select from reportd.report_config c
				join reportd.report_run r using (run_id)
				where c.status = 'PROCESSING' and r.worker_id = w.worker_id)
	) or exists (select from reportd.report_request q where q.opens)
		or exists (select from reportd.report_look l where l.look_at <= now())
		or exists (select from reportd.report_zone z
			where z.listing_by = $1 and z.listing_until > now()
				or z.zone_id in (select d.zone_id from reportd.due_zones($1) d))
		or exists (select from reportd.report_input i where i.move_by = $1)
		or exists (select from reportd.due_moves($1)) as orphans
