-- SPDX-License-Identifier: MIT
-- Reports on the sample data, as people would ask for them. Can be run again.
--
--	psql -f reports.sql

\set ON_ERROR_STOP on
\set QUIET on
begin;

delete from reportd.report_config
where report_name in ('client_totals', 'client_month', 'daily_revenue', 'top_products',
	'sales_rep_leaderboard', 'revenue_by_month', 'customer_list');

-- Two stages: prep fills a table, export reads what it committed. :'name' takes a
-- value from parameters or a built-in one (run_id, scheduled_for, ...), quoted.
insert into reportd.report_config (report_name, report_type, priority, prep_sql, export_sql,
	parameters, output_path)
values ('client_totals', 'finance', 1, $$
delete from reportflow.report_output where prepared_at < now() - interval '7 days';
insert into reportflow.report_output
	(run_id, client_id, client_name, currency, transactions, total, last_booked)
select :'run_id', c.client_id, c.client_name, t.currency, count(*), sum(t.amount),
	max(t.booked_at at time zone 'UTC')::date
from reportflow.client c
join reportflow.transactions t using (client_id)
where t.booked_at >= :'from' and t.booked_at < :'to'
group by c.client_id, c.client_name, t.currency
$$, $$
select client_id, client_name, currency, transactions, total, last_booked
from reportflow.report_output
where run_id = :'run_id'
order by currency, total desc, client_id
$$, '{"from": "2025-01-01", "to": "2026-01-01"}',
	'finance/client_totals_{from}.{ext}');

-- The same with a procedure, on the first of each month for the one before.
insert into reportd.report_config (report_name, report_type, trigger_type,
	schedule_expression, time_zone, prep_sql, export_sql, output_path)
values ('client_month', 'finance', 'SCHEDULED', '30 5 1 * *', 'Europe/Berlin', $$
call reportflow.prepare_month(:'run_id', :'scheduled_for'::date - 1)
$$, $$
select * from reportflow.report_output where run_id = :'run_id' order by currency, client_id
$$, 'finance/%Y/client_month_%Y-%m.{ext}');

-- Every morning at six in Berlin. A next_run_time in the past is a missed one:
-- with LATEST it runs at once, for the newest time that it missed.
insert into reportd.report_config (report_name, report_type, trigger_type,
	schedule_expression, time_zone, misfire_policy, next_run_time, export_sql, output_path)
values ('daily_revenue', 'sales', 'SCHEDULED', '0 6 * * *', 'Europe/Berlin', 'LATEST',
	now() - interval '3 days', $$
select d.date, d.weekday_name as weekday, count(*) as orders, sum(s.quantity) as units,
	sum(s.amount) as revenue,
	round(avg(sum(s.amount)) over (order by d.date rows 6 preceding), 2) as week_average
from sales.fact_sales s
join sales.dim_date d using (date_key)
group by d.date, d.weekday_name
order by d.date
$$, 'sales/%Y/%m/daily_revenue_%Y-%m-%d.{ext}');

insert into reportd.report_config (report_name, report_type, export_sql, parameters)
values ('top_products', 'sales', $$
select rank() over (order by sum(s.amount) desc) as rank, p.sku, p.product_name, p.category,
	sum(s.quantity) as units, sum(s.amount) as revenue,
	round(sum(s.amount - s.quantity * p.unit_cost) / sum(s.amount), 3) as margin
from sales.fact_sales s
join sales.dim_product p using (product_key)
join sales.dim_date d using (date_key)
where d.year = :'year'
group by p.product_key
order by rank, p.sku
limit :'top'
$$, '{"year": 2025, "top": 20}');

-- Mondays at seven in New York.
insert into reportd.report_config (report_name, report_type, trigger_type,
	schedule_expression, time_zone, export_sql)
values ('sales_rep_leaderboard', 'sales', 'SCHEDULED', '0 7 * * MON', 'America/New_York', $$
select rank() over (order by sum(s.amount) desc) as rank, r.rep_name, r.region,
	count(*) as orders, sum(s.amount) as revenue, r.quota,
	round(100 * sum(s.amount) / r.quota, 1) as quota_percent
from sales.fact_sales s
join sales.dim_sales_rep r using (sales_rep_key)
join sales.dim_date d using (date_key)
where d.year = 2025
group by r.sales_rep_key
order by rank, r.rep_name
$$);

-- One reading of the rows for Excel, paper and the browser, with a chart in each.
insert into reportd.report_config (report_name, report_type, export_sql, output_format,
	output_path, output_options)
values ('revenue_by_month', 'sales', $$
select to_char(d.date, 'YYYY-MM') as month, count(*) as orders, sum(s.quantity) as units,
	sum(s.amount) as revenue
from sales.fact_sales s
join sales.dim_date d using (date_key)
where d.year = 2025
group by 1
order by 1
$$, 'XLSX,PDF,HTML', 'sales/revenue_by_month.{ext}',
	'{"title": "Revenue by month, 2025", "chart": {"type": "bar", "category": "month", "values": ["revenue"]},
	"columns": {"orders": {"total": "sum"}, "units": {"total": "sum"}, "revenue": {"format": "#,##0", "total": "sum"}}}');

-- For a spreadsheet in a country that writes 1,50: see output_options.
insert into reportd.report_config (report_name, report_type, priority, export_sql,
	output_path, output_options)
values ('customer_list', 'sales', 4, $$
select customer_number, customer_name, segment, city, country, email, credit_limit,
	customer_since
from sales.dim_customer
where is_active
order by customer_key
$$, 'sales/customers.{ext}',
	'{"delimiter": ";", "decimal_comma": true, "bom": true, "line_ending": "crlf", "null": "-"}');

commit;
