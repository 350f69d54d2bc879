-- SPDX-License-Identifier: MIT
-- The star schema, in DuckDB's SQL over the files of the staging zone: each statement makes the
-- file of one table. Sales of a month that has no rows any more belong to another night than this
-- run and are left out. Decimals are only multiplied, so cents are exact.

-- fact_sales
select sale_id, sold_on, customer_id, product_id, rep_id, units, discount_percent,
	cast(units * unit_price * ((100 - discount_percent) * 0.01) as decimal(12, 2)) as revenue,
	cast(units * unit_cost as decimal(12, 2)) as cost
from (from sales where processed_at = :'scheduled_for'::timestamptz)
join products using (product_id) order by sale_id;

-- dim_customer
select customer_id, first_name || ' ' || last_name as customer_name, city, signed_up
from customers order by customer_id;

-- dim_product
select product_id, product_name, category, list_price from products order by product_id;

-- dim_rep
select rep_id, full_name, region, hired_on from reps order by rep_id;

-- dim_date
select d::date as date_id, year(d)::int as year, month(d)::int as month, isodow(d)::int as day_of_week,
	strftime(d, '%G-W%V') as week
from (select unnest(range(min(sold_on)::timestamp, max(sold_on) + interval 1 day, interval 1 day)) as d
	from sales where processed_at = :'scheduled_for'::timestamptz)
