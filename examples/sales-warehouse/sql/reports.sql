-- SPDX-License-Identifier: MIT
-- The morning: the reports that are due at 08:00 wait until the night has made the star schema.
-- psql variables: figures, athena: the texts of figures.duckdb.sql and figures.athena.sql;
-- audience, alarm: who gets mail
\set lake s3://sales
\set sections '["totals", "daily_revenue", "weekly_revenue", "top_products", "leaderboard", "segments", "profitability"]'

create temp table star as select jsonb_object_agg(t, jsonb_build_object(
	'path', :'lake' || '/star/' || t || '/*', 'format', 'parquet', 'use', 'latest')) as inputs
from (values ('fact_sales'), ('dim_customer'), ('dim_product'), ('dim_rep')) s (t);

-- Each figure as a file: CSV for people, Parquet for the page below.
select reportd.submit('Sales figures', report_key => 'sales_figures', schedule_expression => '0 8 * * *',
	run_after => '{sales_star}', source => 'lake', inputs => inputs, export_sql => :'figures',
	output_format => 'CSV,PARQUET', output_path => :'lake' || '/figures/%Y-%m-%d/{section}.{ext}',
	-- Each statement reads private copies of the files, so all see one state.
	output_options => jsonb_build_object('snapshot', false, 'sections', :'sections'::jsonb),
	notify_on_failure => :'alarm')
from star;

-- The page, which is mailed; the same on paper.
select reportd.submit('Sales report', report_key => 'sales_report', run_after => '{sales_figures}', source => 'lake',
	inputs => (select jsonb_object_agg(t, jsonb_build_object('path', :'lake' || '/figures/*/' || t || '.parquet',
			'format', 'parquet', 'use', 'latest')) from jsonb_array_elements_text(:'sections'::jsonb) t),
	export_sql => $$
select * from totals;
-- The current week is left out: as it has only begun, it would look like a fall.
select * from (from weekly_revenue
	where week < (select strftime(max(sold_on) + interval 1 day, '%G-W%V') from daily_revenue)
	order by week desc limit 13) order by week;
select * from (from daily_revenue order by sold_on desc limit 14) order by sold_on;
select * from top_products order by place;
select * from leaderboard order by place limit 10;
select * from segments order by revenue / customers desc;
select * from profitability order by category$$,
	output_format => 'HTML,PDF', output_path => :'lake' || '/reports/%Y-%m-%d/sales.{ext}',
	output_options => jsonb_build_object('snapshot', false, 'title', 'Sales',
		'chart', '{"type": "bar", "category": "week", "values": ["revenue"]}'::jsonb, 'sections', '["Totals",
			"The last 13 full weeks", "The last 14 days", "Top 10 products", "The ten best reps",
			"Customers by what they have spent", "Profit by category"]'::jsonb,
		'columns', '{"sales": {"format": "#,##0"}, "customers": {"format": "#,##0"}, "units": {"format": "#,##0"},
			"revenue": {"format": "#,##0.00"}, "cost": {"format": "#,##0.00"}, "profit": {"format": "#,##0.00"},
			"average_order_value": {"format": "#,##0.00", "label": "average order value"},
			"margin_percent": {"format": "0.00", "label": "margin, %"},
			"sold_on": {"label": "day"}, "product_name": {"label": "product"}, "full_name": {"label": "rep"}}'::jsonb),
	notify_on_completion => :'audience', notify_on_failure => :'alarm');

-- Mondays: the weeks as a workbook.
select reportd.submit('Weekly sales', report_key => 'sales_weekly', schedule_expression => '0 8 * * 1',
	run_after => '{sales_star}', source => 'lake', inputs => inputs, export_sql => $$
select strftime(sold_on, '%G-W%V') as week, region, count(*) as sales, sum(revenue) as revenue
from fact_sales join dim_rep using (rep_id) group by all order by all$$,
	output_format => 'XLSX', output_path => :'lake' || '/reports/weekly/%G-W%V.{ext}',
	output_options => '{"columns": {"sales": {"total": "sum"}, "revenue": {"format": "#,##0.00", "total": "sum"}}}',
	notify_on_completion => :'audience', notify_on_failure => :'alarm')
from star;

-- A page to explore: its readers sort, filter and search.
select reportd.submit('Explore sales', report_key => 'sales_explore', schedule_expression => '0 8 * * *',
	run_after => '{sales_star}', source => 'lake', inputs => inputs, export_sql => $$
select strftime(sold_on, '%Y-%m') as month, count(*) as sales, sum(revenue) as revenue, sum(revenue - cost) as profit
from fact_sales group by all order by all;
select strftime(sold_on, '%Y-%m') as month, region, category, count(*) as sales, sum(revenue) as revenue,
	sum(revenue - cost) as profit
from fact_sales join dim_rep using (rep_id) join dim_product using (product_id) group by all order by all;
select product_name, category, list_price, sum(units) as units, sum(revenue) as revenue,
	sum(revenue - cost) as profit
from fact_sales join dim_product using (product_id) group by all order by revenue desc$$,
	output_format => 'HTML', output_path => :'lake' || '/reports/%Y-%m-%d/explore.{ext}',
	output_options => '{"snapshot": false, "interactive": true,
		"sections": ["By month", "By month, region and category", "Products"],
		"chart": {"type": "line", "category": "month", "values": ["revenue", "profit"], "section": "By month"},
		"columns": {"sales": {"format": "#,##0", "total": "sum"}, "units": {"format": "#,##0", "total": "sum"},
			"list_price": {"format": "#,##0.00", "label": "list price"}, "product_name": {"label": "product"}, "revenue": {"format": "#,##0.00", "total": "sum"},
			"profit": {"format": "#,##0.00", "total": "sum"}}}',
	notify_on_failure => :'alarm')
from star;

-- The same from Athena. After each night the schema of the Parquet files becomes the catalogue's.
create temp table tables as
select unnest('{fact_sales,dim_customer,dim_product,dim_rep,dim_date}'::text[]) as t;

select reportd.submit('Athena: schema of the files', report_key => 'athena_schema', run_after => '{sales_star}',
	source => 'lake', inputs => jsonb_object_agg(t, jsonb_build_object(
		'path', :'lake' || '/star/' || t || '/*', 'format', 'parquet', 'use', 'latest')),
	result_sql => 'select ' || string_agg(format('(select json_group_array([column_name, column_type])
		from (describe %s)) as %s', t, t), ', '),
	notify_on_failure => :'alarm')
from tables;

select reportd.submit('Athena: tables', report_key => 'athena_tables', run_after => '{athena_schema}',
	source => 'athena', prep_sql => string_agg(format('drop table if exists sales.%s;
create external table sales.%s columns from :''after__athena_schema__%s''
stored as parquet location ''%s/star/%s/''', t, t, t, :'lake', t), E';\n'),
	notify_on_failure => :'alarm')
from tables;

select reportd.submit('Sales figures, from Athena', report_key => 'athena_figures',
	schedule_expression => '0 8 * * *', run_after => '{athena_tables}', source => 'athena',
	export_sql => :'athena', output_path => :'lake' || '/figures_athena/%Y-%m-%d/{section}.{ext}',
	output_options => jsonb_build_object('snapshot', false, 'sections', :'sections'::jsonb),
	notify_on_failure => :'alarm');
