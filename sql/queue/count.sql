-- SPDX-License-Identifier: MIT
-- Counts the reports of each owner and the bytes that they published within a day, for
-- quotas. One daemon does so about once a minute. Bytes are counted only while some
-- quota limits them. No parameters.
with due as materialized (
	select from reportd.count_turn t
	where not exists (select from reportd.report_usage u
		where u.counted_at > now() - interval '50 seconds')
	for update skip locked
), reports as (
	select c.owner, count(*) as n from reportd.report_config c
	where exists (select from due)
	group by c.owner
), bytes as (
	select r.owner, sum(r.byte_count) as n from reportd.report_run r
	where exists (select from due)
		and exists (select from reportd.report_quota q
			where q.max_output_bytes is not null)
		and r.started_at > now() - interval '24 hours' and r.status = 'COMPLETED'
		and r.owner is not null
	group by r.owner
)
-- Owners without reports are counted as well, because they may have deleted them.
insert into reportd.report_usage (owner, reports, output_bytes, counted_at)
select owner, coalesce(c.n, 0), coalesce(b.n, 0), now()
from (select u.owner from reportd.report_usage u where exists (select from due)
	union select c.owner from reports c union select b.owner from bytes b) o
left join reports c using (owner) left join bytes b using (owner)
on conflict (owner) do update set reports = excluded.reports,
	output_bytes = excluded.output_bytes, counted_at = now()
