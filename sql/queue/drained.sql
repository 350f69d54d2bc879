-- SPDX-License-Identifier: MIT
-- Tells a daemon that ends when its work is done whether work is left. One row:
-- retry_ms, the ms until a failed report is next tried again (null: no report waits
-- for that); orphans, whether reports run on a daemon that has missed its heartbeat, or
-- requests of AFTER reports have still to be opened, or files are to be listed or
-- moved. A daemon sends at least two
-- heartbeats within a lease. $1 worker_id uuid
select (select greatest(ceil(extract(epoch from n.at - now()) * 1000), 0)::bigint
		from (select min(c.due_at) as at from reportd.report_config c
			where c.status = 'PENDING' and c.is_active and c.attempt > 0
				and c.due_at < 'infinity') n
		where n.at is not null) as retry_ms,
	exists (select from reportd.report_worker w
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
