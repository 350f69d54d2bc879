-- SPDX-License-Identifier: MIT
-- The figures, in DuckDB's SQL. figures.athena.sql is the same in Athena's.

-- totals
select count(*) as sales, count(distinct customer_id) as customers, sum(units) as units, sum(revenue) as revenue,
	cast(sum(revenue) / count(*) as decimal(12, 2)) as average_order_value
from fact_sales;

-- daily_revenue
select sold_on, count(*) as sales, sum(revenue) as revenue
from fact_sales group by all order by all;

-- weekly_revenue
select strftime(sold_on, '%G-W%V') as week, count(*) as sales, sum(revenue) as revenue
from fact_sales group by all order by all;

-- top_products
select rank() over (order by sum(revenue) desc) as place, product_name, category,
	sum(units) as units, sum(revenue) as revenue
from fact_sales join dim_product using (product_id)
group by product_id, product_name, category
qualify place <= 10 order by place, product_name;

-- leaderboard
select rank() over (order by sum(revenue) desc) as place, full_name, region, count(*) as sales,
	sum(revenue) as revenue
from fact_sales join dim_rep using (rep_id)
group by rep_id, full_name, region order by place, full_name;

-- segments
with spent as (
	select customer_id, coalesce(sum(revenue), 0.00) as revenue
	from dim_customer left join fact_sales using (customer_id) group by all)
select case when revenue >= 10000 then 'gold' when revenue >= 4000 then 'silver'
		when revenue > 0 then 'bronze' else 'nothing yet' end as segment,
	count(*) as customers, sum(revenue) as revenue
from spent group by all order by min(revenue) desc;

-- profitability
select category, sum(revenue) as revenue, sum(cost) as cost, sum(revenue - cost) as profit,
	cast(100 * sum(revenue - cost) / sum(revenue) as decimal(5, 2)) as margin_percent
from fact_sales join dim_product using (product_id) group by all order by category
