-- SPDX-License-Identifier: MIT
-- Lists up to 20 grants that the upgrade from version 7 made and nobody has taken back. No
-- parameters; one row: a text such as "source default to clerk, write of finance/ to
-- clerk"; null: there is nothing.
select string_agg(g.text, ', ' order by g.kind, g.text)
	|| case when max(g.total) > 20 then format(', and %s more', max(g.total) - 20) else '' end
	as grants
from (select g.kind, case g.kind when 'source' then 'source ' else g.kind || ' of ' end || g.name
			|| ' to ' || g.grantee::text as text,
		count(*) over () as total
	from reportd.report_grant g
	where g.granted_by = 'upgrade'
	order by g.kind, g.name, g.grantee::text limit 20) g
