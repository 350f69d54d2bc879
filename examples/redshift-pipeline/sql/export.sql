-- SPDX-License-Identifier: MIT
-- In Redshift's SQL: the rows that came with the file, beside the plan in the external
-- schema.
select s.sold_on, s.region, count(*) as sales, sum(s.units) as units, sum(s.amount) as amount,
	p.planned, round(100 * sum(s.amount) / p.planned, 1) as percent
from sales.sale s
join lake.plan p on p.region = s.region and p.month = date_trunc('month', s.sold_on)
where s.file = :'sales__url'
group by s.sold_on, s.region, p.planned
order by s.sold_on, s.region
