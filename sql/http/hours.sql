-- SPDX-License-Identifier: MIT
-- Runs of each of the last 48 hours by how they ended. No parameters. One row: an array.
select coalesce(json_agg(q order by q.hour), '[]') from (
	select h.hour, coalesce(n.completed, 0) as completed, coalesce(n.failed, 0) as failed,
		coalesce(n.other, 0) as other
	from generate_series(date_trunc('hour', now()) - interval '47 hours',
		date_trunc('hour', now()), interval '1 hour') h(hour)
	left join (
		select date_trunc('hour', r.started_at) as hour,
			count(*) filter (where r.status = 'COMPLETED') as completed,
			count(*) filter (where r.status in ('FAILED', 'LOST')) as failed,
			count(*) filter (where r.status not in ('COMPLETED', 'FAILED', 'LOST')) as other
		from reportd.report_run r
		where r.started_at >= date_trunc('hour', now()) - interval '47 hours'
		group by 1) n using (hour)) q
