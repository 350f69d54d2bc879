-- SPDX-License-Identifier: MIT
-- The night: from the shop and its API to a star schema.
-- psql variables: api, the URL of the reps; alarm, who is told of failures.
\set lake s3://sales

-- 02:00. Checks that the shop is there and has the tables that the night reads. All steps up to
-- the star schema run after this one, and `reportctl run sales_night --cascade` starts them at
-- any time.
select reportd.submit('sales: is the shop open for copying', report_key => 'sales_night',
	schedule_expression => '0 2 * * *', source => 'shop',
	checks => '[{"name": "sales", "on": "sales", "row_count": {"min": 1000}},
		{"name": "customers", "on": "customers", "row_count": {"min": 100}}]',
	notify_on_failure => :'alarm');

-- The landing zone: four files, as they are.
select reportd.submit('sales: landing of ' || t, report_key => 'land_' || t, run_after => '{sales_night}',
	source => 'shop', export_sql => 'select * from ' || t, output_format => f,
	output_path => :'lake' || '/landing/' || t || '/%Y%m%d_%H%M%S_{request_id}.{ext}',
	notify_on_failure => :'alarm')
from (values ('customers', 'CSV'), ('products', 'PARQUET'), ('sales', 'CSV')) l (t, f);

select reportd.submit('sales: landing of reps', report_key => 'land_reps', run_after => '{sales_night}',
	source => 'lake', export_sql => 'select * from api', output_format => 'JSONL',
	inputs => jsonb_build_object('api', jsonb_build_object('path', :'api', 'format', 'jsonl',
		'items', '/data/reps', 'next', '/links/next', 'columns', '[["repId", "bigint"],
			["fullName", "varchar"], ["region", "varchar"], ["hiredOn", "varchar"]]'::jsonb)),
	output_path => :'lake' || '/landing/reps/%Y%m%d_%H%M%S_{request_id}.{ext}',
	notify_on_failure => :'alarm');

-- How the files of each zone are read: the newest one of a table, or all of its months.
create temp table files as select t, jsonb_build_object('path', :'lake' || '/landing/' || t || '/*',
		'use', 'latest', 'required', false, 'format', f) || more::jsonb as landed,
	jsonb_build_object('path', :'lake' || '/staging/' || t || '/**', 'format', 'parquet',
		'use', case t when 'sales' then 'all' else 'latest' end) as staged
from (values ('customers', 'csv', '{"normalize_names": true}'), ('products', 'parquet', '{}'),
	('sales', 'csv', '{"normalize_names": true}'),
	('reps', 'jsonl', '{"columns": [["repId", "bigint"], ["fullName", "varchar"],
		["region", "varchar"], ["hiredOn", "varchar"]]}')) l (t, f, more);

-- The file gate: each file is there, larger than 1 kB, younger than a day, and whole; the score
-- must be 80 of 100.
select reportd.submit('sales: file gate', report_key => 'file_gate',
	run_after => '{land_customers,land_products,land_sales,land_reps}', source => 'lake',
	inputs => (select jsonb_object_agg(t, landed) from files),
	checks => (select jsonb_agg(jsonb_build_object('name', t || ' ' || name, 'file', t) || c::jsonb order by t, n)
		from files cross join (values (1, 'there', '{"exists": true}'),
			(2, 'size', '{"min_size": 1024, "severity": "warn"}'),
			(3, 'age', '{"max_age": "24 hours", "severity": "warn"}'),
			(4, 'whole', '{"whole": true}')) k (n, name, c)),
	min_score => 80, notify_on_failure => :'alarm');

-- Four transforms side by side: they write names in lower_snake, drop repeated and empty rows,
-- set types and the time of the transform; Snappy, by year and month.
select reportd.submit('sales: staging of ' || t, report_key => 'stage_' || t, run_after => '{file_gate}',
	source => 'lake', export_sql => q,
	inputs => jsonb_build_object('landed', landed || '{"required": true}'),
	output_format => 'PARQUET', output_path => :'lake' || '/staging/' || t || '/{partition}/' || t || '.{ext}',
	output_options => '{"codec": "snappy", "partition_by": ["year", "month"]}',
	notify_on_failure => :'alarm')
from (values
	('customers', $$
select distinct customer_id::int as customer_id, first_name, last_name, lower(email) as email, city,
	signed_up::date as signed_up, :'scheduled_for'::timestamptz as processed_at,
	year(:'scheduled_for'::timestamptz)::int as year, month(:'scheduled_for'::timestamptz)::int as month
from (select *, concat_ws('', *columns(*)) as filled from landed) where filled <> ''$$),
	('products', $$
select distinct "Product ID"::int as product_id, "Product Name" as product_name, "Category" as category,
	"List Price" as list_price, "Unit Cost" as unit_cost, :'scheduled_for'::timestamptz as processed_at,
	year(:'scheduled_for'::timestamptz)::int as year, month(:'scheduled_for'::timestamptz)::int as month
from (select *, concat_ws('', *columns(*)) as filled from landed) where filled <> ''$$),
	('reps', $$
select distinct repId::int as rep_id, fullName as full_name, region, hiredOn::date as hired_on,
	:'scheduled_for'::timestamptz as processed_at,
	year(:'scheduled_for'::timestamptz)::int as year, month(:'scheduled_for'::timestamptz)::int as month
from (select *, concat_ws('', *columns(*)) as filled from landed) where filled <> ''$$),
	('sales', $$
select distinct sale_id::int as sale_id, sold_on::date as sold_on, customer_id::int as customer_id,
	product_id::int as product_id, rep_id::int as rep_id, units::int as units,
	unit_price::decimal(8, 2) as unit_price, discount::int as discount_percent,
	:'scheduled_for'::timestamptz as processed_at,
	year(sold_on::date)::int as year, month(sold_on::date)::int as month
from (select *, concat_ws('', *columns(*)) as filled from landed) where filled <> ''$$)) s (t, q)
join files using (t);

-- The SQL gate: duplicates, nulls, ranges, and references without a target. A month without any
-- row today keeps the file of an earlier run; rows of this night carry the time that it stands for. In
-- a backfill that time is older than those of other files, and days of sales are newer.
\set tonight 'processed_at = :''scheduled_for''::timestamptz'
select reportd.submit('sales: SQL gate', report_key => 'sql_gate',
	run_after => '{stage_customers,stage_products,stage_reps,stage_sales}', source => 'lake',
	inputs => (select jsonb_object_agg(t, staged) from files),
	checks => (select jsonb_agg(jsonb_build_object('name', t || ', ' || name, 'on', t) || c::jsonb
			|| case t when 'sales' then jsonb_build_object('where', :'tonight') else '{}' end)
		from (values
			('customers', 'once each', '{"unique": "customer_id"}'),
			('products', 'once each', '{"unique": "product_id"}'),
			('reps', 'once each', '{"unique": "rep_id"}'),
			('sales', 'once each', '{"unique": "sale_id"}'),
			('customers', 'filled', '{"not_null": ["customer_id", "city", "signed_up"]}'),
			('products', 'filled', '{"not_null": ["product_id", "category", "list_price", "unit_cost"]}'),
			('reps', 'filled', '{"not_null": ["rep_id", "full_name", "region"]}'),
			('sales', 'filled', '{"not_null": ["sale_id", "sold_on", "customer_id", "product_id", "rep_id",
				"units", "unit_price", "discount_percent"]}'),
			('sales', 'of this night', '{"row_count": {"min": 1}}'),
			('sales', 'units', '{"range": {"column": "units", "min": 1, "max": 100}}'))
			k (t, name, c))
		|| jsonb_build_object('name', 'sales, days', 'sql',
			'from sales where sold_on not between ''2024-01-01'' and current_date and ' || :'tonight')
		|| (select jsonb_agg(jsonb_build_object('name', 'sales of no ' || o, 'sql', format(
				'from sales anti join %ss using (%s_id) where %s', o, o, :'tonight')))
			from unnest('{customer,product,rep}'::text[]) o)
		-- A transform that had no row has left the file of an earlier night.
		|| (select jsonb_agg(jsonb_build_object('name', o || 's of this night', 'sql', format(
				'from %ss where not (%s)', o, :'tonight')))
			from unnest('{customer,product,rep}'::text[]) o),
	min_score => 80, notify_on_failure => :'alarm');

-- The star schema: a file for each table.
select reportd.submit('sales: star schema', report_key => 'sales_star', run_after => '{sql_gate}',
	source => 'lake', inputs => (select jsonb_object_agg(t, staged) from files),
	-- Asked for alone, it stands for a time that no file has, and would make empty tables.
	checks => jsonb_build_array(jsonb_build_object('name', 'sales of this night', 'on', 'sales',
		'row_count', '{"min": 1}'::jsonb, 'where', :'tonight')),
	export_sql => :'star', output_format => 'PARQUET', output_path => :'lake' || '/star/{section}/{section}.{ext}',
	-- Each statement reads private copies of the files, so all see one state.
	output_options => '{"snapshot": false, "codec": "snappy",
		"sections": ["fact_sales", "dim_customer", "dim_product", "dim_rep", "dim_date"]}',
	notify_on_failure => :'alarm');
