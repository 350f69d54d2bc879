-- SPDX-License-Identifier: MIT
-- Six rows, the least urgent first. psql variables: slack, the webhook of a channel; topic, the
-- ARN of a topic. NEXT_RUN_TIME has the two schedules run at once, for the first time.
insert into "INBOX"."REPORT_CONFIG" ("REPORT_NAME", "TRIGGER_TYPE", "SCHEDULE_EXPRESSION",
	"NEXT_RUN_TIME", "PRIORITY", "OUTPUT_FORMAT", "OUTPUT_PATH", "NOTIFY_ON_COMPLETION",
	"PARAMETERS", "OUTPUT_OPTIONS", "EXPORT_SQL", "NOTIFY_ON_FAILURE")
select r.*, jsonb_build_array('sns:' || :'topic', 'mailto:support@example.com') from (values
	('Orders in transit', 'SCHEDULED', '0 6 1 * *', now(), 4, 'CSV', 'sales/in_transit_{request_id}.{ext}',
		jsonb_build_array('sns:' || :'topic'), null, null, $$
select order_id, ordered_on, city, product, units from orders
where not delivered order by order_id$$),
	('Revenue by month', 'SCHEDULED', '0 6 1 * *', now(), 3, 'PDF,EXCEL', 'sales/revenue_{request_id}.{ext}',
		jsonb_build_array('mailto:finance@example.com?report=attach'), null,
		'{"columns": {"month": {"format": "yyyy-mm"}, "revenue": {"format": "#,##0.00"}}}', $$
select date_trunc('month', ordered_on)::date as month, city, sum(units * unit_price) as revenue
from orders group by 1, 2 order by 1, 2$$),
	('Units by product', 'ADHOC', null, null, 3, 'EXCEL', 'sales/units_{request_id}.{ext}',
		jsonb_build_array('mailto:bob@example.com?report=attach'), null,
		'{"columns": {"units": {"format": "#,##0"}, "revenue": {"format": "#,##0.00"}}}', $$
select product, sum(units) as units, sum(units * unit_price) as revenue
from orders group by product order by product$$),
	('Largest orders', 'ADHOC', null, null, 2, 'CSV', 'sales/largest_{request_id}.{ext}',
		jsonb_build_array('sns:' || :'topic', 'slack:' || :'slack'), '{"least": "1500"}', null, $$
select order_id, ordered_on, city, units * unit_price as amount from orders
where units * unit_price >= :'least'::int order by amount desc, order_id$$),
	('Board paper', 'ADHOC', null, null, 1, 'PDF', 'sales/board_{request_id}.{ext}',
		jsonb_build_array('mailto:ann@example.com,cfo@example.com?report=attach', 'slack:' || :'slack'), null,
		'{"columns": {"orders": {"total": "sum"}, "revenue": {"format": "#,##0.00", "total": "sum"}}}', $$
select city, count(*) as orders, sum(units * unit_price) as revenue
from orders group by city order by revenue desc$$),
	-- Refused: nobody has granted board/ to the owner of the inbox.
	('Salaries', 'ADHOC', null, null, 1, 'CSV', 'board/salaries.csv', null, null, null, 'select 1 as one')
) r;
