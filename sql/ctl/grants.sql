-- SPDX-License-Identifier: MIT
-- Lists grants so wide that they separate no groups, when several owners who need grants
-- have reports. No parameters; one row: a text such as "source default to
-- reportd_submitter, write / to ann"; null: there are none.
select string_agg(case g.kind when 'source' then 'source' else g.kind || ' of' end || ' ' || g.name || ' to '
		|| case g.grantee when 0::oid then 'public' else g.grantee::text end, ', '
		order by g.kind, g.name, g.grantee::text) as grants
from reportd.report_grant g
where (g.grantee in (0::oid, to_regrole('reportd_submitter')) or g.kind <> 'source' and g.name = '/')
	and (select count(*) from (select distinct c.owner from reportd.report_config c) o
		where not pg_has_role(o.owner, 'reportd_operator', 'USAGE')) > 1
