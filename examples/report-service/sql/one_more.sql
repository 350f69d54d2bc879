-- SPDX-License-Identifier: MIT
-- One more row, without a call by a person: the task of Snowflake makes the call.
insert into "INBOX"."REPORT_CONFIG" ("REPORT_NAME", "PRIORITY", "OUTPUT_PATH",
	"NOTIFY_ON_COMPLETION", "EXPORT_SQL")
values ('Orders of Leeds', 1, 'sales/leeds_{request_id}.{ext}',
	'mailto:ann@example.com?report=attach',
	'select order_id, ordered_on, product, units from orders where city = ''Leeds'' order by 1');
