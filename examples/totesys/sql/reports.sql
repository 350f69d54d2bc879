-- SPDX-License-Identifier: MIT
-- The steps after the copy, which `reportctl ingest` has submitted as totesys.
-- psql variables: lake, the folder of both zones; alarm, an array of URLs; processed, the
-- text of processed.sql

-- The processed zone: made after each copy, from the files that the copy has brought. A table
-- of facts reads each new file once: batch 1, so that each step has the file of one copy, and
-- none waits because the step before has taken two. A dimension reads the newest whole copy.
select reportd.submit('totesys processed', report_key => 'totesys_processed',
	run_after => '{totesys}', source => 'lake', export_sql => :'processed',
	inputs => (select jsonb_object_agg(t, jsonb_build_object('path', :'lake' || '/raw/' || t || '/**',
			'format', 'parquet', 'use', u, 'batch', 1, 'stable_for', '0 s'))
		from (values ('sales_order', 'new'), ('purchase_order', 'new'), ('payment', 'new'),
			('staff', 'latest'), ('department', 'latest'), ('counterparty', 'latest'),
			('address', 'latest'), ('design', 'latest'), ('currency', 'latest'),
			('payment_type', 'latest'), ('transaction', 'latest')) i (t, u)),
	output_format => 'PARQUET',
	output_path => 'processed/{section}/%Y/%m/%d/%H%M%S_{request_id}.{ext}',
	-- Each statement reads private copies of the files, so all see one state. No file is ever
	-- replaced.
	output_options => '{"snapshot": false, "file": {"create_only": true},
		"sections": ["fact_sales_order", "fact_purchase_order", "fact_payment", "dim_staff",
		"dim_counterparty", "dim_location", "dim_design", "dim_currency", "dim_payment_type",
		"dim_transaction", "dim_date"]}',
	-- The values that this step hands to the next ones.
	result_sql => 'select count(*) as sales_orders, max(last_updated) as newest from sales_order',
	checks => '[
		{"name": "sales orders", "on": "sales_order", "not_null": ["design_id", "staff_id"]},
		{"name": "prices", "on": "sales_order", "range": {"column": "unit_price", "min": 0}},
		{"name": "departments", "sql": "from staff anti join department using (department_id)"}]',
	notify_on_failure => :'alarm');

-- The warehouse, every quarter of an hour: one report for each table. The warehouse may be
-- away for two hours: a load is tried again, in the end every ten minutes.
select reportd.submit('load ' || t, report_key => 'load_' || t,
	schedule_expression => '*/15 * * * *', run_after => '{totesys_processed}', source => 'lake',
	export_sql => 'select * from part',
	inputs => jsonb_build_object('part', jsonb_build_object('path', :'lake' || '/processed/' || t || '/**',
		'format', 'parquet', 'stable_for', '0 s', 'use', u)),
	output_format => 'TABLE', output_path => 'table:dwh/star.' || t,
	output_options => jsonb_build_object('table',
		jsonb_build_object('create', true, 'drift', 'add', 'key', k::jsonb) || case u
		-- A version that came twice is one.
		when 'new' then '{"mode": "upsert", "order_by": ["last_updated desc"]}'::jsonb
		-- What was deleted goes.
		else '{"mode": "replace"}' end),
	max_retries => 20, notify_on_failure => :'alarm')
from (values ('fact_sales_order', 'new', '["sales_order_id", "last_updated"]'),
	('fact_purchase_order', 'new', '["purchase_order_id", "last_updated"]'),
	('fact_payment', 'new', '["payment_id", "last_updated"]'),
	('dim_staff', 'latest', '["staff_id"]'), ('dim_counterparty', 'latest', '["counterparty_id"]'),
	('dim_location', 'latest', '["location_id"]'), ('dim_design', 'latest', '["design_id"]'),
	('dim_currency', 'latest', '["currency_id"]'),
	('dim_payment_type', 'latest', '["payment_type_id"]'),
	('dim_transaction', 'latest', '["transaction_id"]'), ('dim_date', 'latest', '["date_id"]')) l (t, u, k);

-- A report from the warehouse, when all that it reads is loaded.
select reportd.submit('totesys sales', report_key => 'totesys_sales',
	schedule_expression => '*/15 * * * *', source => 'dwh',
	run_after => '{load_fact_sales_order,load_dim_currency,load_dim_design,totesys_processed}',
	export_sql => $$
select d.design_name, c.currency_code, count(*) as orders, sum(o.units_sold) as units,
	sum(o.units_sold * o.unit_price) as revenue,
	:'after__totesys_processed__newest'::timestamptz(0) as read_up_to,
	:'after__load_fact_sales_order__row_count'::int as rows_loaded
from (select distinct on (sales_order_id) * from star.fact_sales_order
	order by sales_order_id, last_updated desc) o
join star.dim_design d using (design_id)
join star.dim_currency c using (currency_id)
group by d.design_name, c.currency_code
order by d.design_name, c.currency_code$$,
	output_path => 'reports/sales.{ext}', output_format => 'CSV,HTML',
	output_options => '{"title": "Sales by design and currency", "interactive": true, "columns": {
		"design_name": {"label": "design"}, "currency_code": {"label": "currency"},
		"orders": {"format": "#,##0", "total": "sum"}, "units": {"format": "#,##0", "total": "sum"}, "revenue": {"format": "#,##0.00"},
		"read_up_to": {"label": "orders up to", "format": "yyyy-mm-dd hh:mm"},
		"rows_loaded": {"label": "rows loaded last"}}}',
	notify_on_failure => :'alarm');
