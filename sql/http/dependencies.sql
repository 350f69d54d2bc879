-- SPDX-License-Identifier: MIT
-- Reports that wait for others or that others wait for, 500 at most. No parameters. One
-- row: an array; parents that the role may not see are left out.
select coalesce(json_agg(q order by q.config_id), '[]') from (
	select c.config_id, c.report_key, c.report_name, c.trigger_type, c.status, c.is_active,
		(select coalesce(json_agg(p.config_id), '[]') from reportd.report_config p
		where p.report_key = any (c.run_after)) as parents
	from reportd.report_config c
	where c.run_after is not null or c.has_children
	order by c.config_id limit 500) q
