-- SPDX-License-Identifier: MIT
-- The figures that all reports must show, computed by PostgreSQL alone.
select s.sold_on, s.region, count(*) as sales, sum(s.units) as units, sum(s.amount) as amount,
	p.planned, round(100 * sum(s.amount) / p.planned, 1) as percent
from sale s
join plan p on p.region = s.region and to_char(p.month, 'YYYY-MM') = to_char(s.sold_on, 'YYYY-MM')
group by s.sold_on, s.region, p.planned
order by s.sold_on, s.region
