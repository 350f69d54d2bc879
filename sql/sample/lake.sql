-- SPDX-License-Identifier: MIT
-- A pipeline over files: PostgreSQL's rows become a Parquet file every morning, and
-- DuckDB reads it, in a source "lake" whose folders hold the outputs below lake/.
-- Can be run again.
--
--	psql -f lake.sql

\set ON_ERROR_STOP on
\set QUIET on
begin;

delete from reportd.report_config where report_key = 'lake_revenue';
delete from reportd.report_config where report_key = 'lake_sales';

insert into reportd.report_config (report_key, report_name, trigger_type, schedule_expression,
	misfire_policy, next_run_time, export_sql, output_format, output_path)
values ('lake_sales', 'sales as Parquet', 'SCHEDULED', '0 5 * * *', 'LATEST',
	now() - interval '1 day', $$
select s.*, d.date, d.year, d.month, p.product_name, p.category
from sales.fact_sales s
join sales.dim_date d using (date_key)
join sales.dim_product p using (product_key)
$$, 'PARQUET', 'lake/sales.parquet');

-- Reads the very file that the report before it has made.
insert into reportd.report_config (report_key, report_name, trigger_type, run_after, source,
	export_sql, output_path)
values ('lake_revenue', 'revenue by category', 'AFTER', '{lake_sales}', 'lake', $$
select year, month, category, sum(quantity) as units, sum(amount) as revenue,
	arg_max(product_name, amount) as largest_sale
from read_parquet(:'after__lake_sales__output_url')
group by all
order by all
$$, 'sales/revenue_by_category.{ext}');

commit;
