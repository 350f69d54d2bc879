-- SPDX-License-Identifier: MIT
-- The report: one run for each file that lands. psql variables: export, the text of
-- export.sql; topics, the beginning of a topic's ARN
select reportd.submit('sales_by_region', report_key => 'sales_by_region',
	source => 'warehouse',
	inputs => '{"sales": {"path": "s3://acme-landing/sales/*.csv", "batch": 1,
		"archive": "s3://acme-archive/sales/"}}',
	prep_sql => 'call sales.load_sales(:''sales__url'')',
	-- After prep has committed, before anything is written. A file of a heading alone is refused.
	checks => $$[{"name": "rows", "on": "sales.sale", "row_count": {"min": 1}, "where": "file = :'sales__url'"}]$$,
	export_sql => :'export',
	max_retries => 1,
	notify_on_completion => array['sns:' || :'topics' || ':business'],
	notify_on_failure => array['sns:' || :'topics' || ':support'])
where not exists (select from reportd.report_config where report_key = 'sales_by_region');

-- In a later run of this file: the export is replaced by the present text of its file.
select reportd.change(reportd.id('sales_by_region'), jsonb_build_object('export_sql', :'export'));
