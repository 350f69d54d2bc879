-- SPDX-License-Identifier: MIT
-- The sources that reports may name, and the daemons that have them. No parameters;
-- one row: a json array. waiting: reports that are due for the source.
select coalesce(json_agg(q), '[]') from (
	select s.source, s.type, s.seen_at,
		(select count(*) from reportd.report_worker w
		 where s.source = any (w.sources) and w.heartbeat_at > now() - w.lease) as daemons,
		(select count(*) from reportd.report_config c
		 where c.status = 'PENDING' and c.is_active and c.due_at <= now()
			and c.source = s.source) as waiting,
		(select string_agg(case when g.grantee = 0::oid then 'public'
				else g.grantee::text end, ', ' order by g.grantee::text)
		 from reportd.report_grant g where g.kind = 'source' and g.name = s.source) as granted_to
	from reportd.report_source s order by s.source) q
