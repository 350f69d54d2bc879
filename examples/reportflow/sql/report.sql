-- SPDX-License-Identifier: MIT
-- The report: at six on the first of each month, for the month before. It names neither a
-- source nor a path: the four variables do. psql variables: prep, export, the texts of
-- prep.sql and export.sql
select reportd.submit('client_month', report_key => 'client_month', report_type => 'finance',
	schedule_expression => '0 6 1 * *', prep_sql => :'prep', export_sql => :'export',
	-- After prep, before anything is written. Redshift itself checks no foreign key.
	checks => $$[
		{"name": "clients", "sql": "select * from reportflow.transactions where client_id not in (select client_id from reportflow.client)"},
		{"name": "rows", "on": "reportflow.report_output", "row_count": {"min": 1}, "where": "run_id = :'run_id'"}]$$)
where not exists (select from reportd.report_config where report_key = 'client_month');

-- In a later run of this file: pending attempts of a failed run are cancelled, and both steps
-- are replaced by the present texts of their files.
select reportd.cancel(config_id, request_id) from reportd.v_requests
where report_key = 'client_month' and status in ('QUEUED', 'PENDING');
select reportd.change(reportd.id('client_month'),
	jsonb_build_object('prep_sql', :'prep', 'export_sql', :'export'));
