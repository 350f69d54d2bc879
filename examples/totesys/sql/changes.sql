-- SPDX-License-Identifier: MIT
-- The changes of a morning. Can be run again.
insert into sales_order (sales_order_id, design_id, staff_id, counterparty_id, units_sold,
		unit_price, currency_id, agreed_delivery_date, agreed_payment_date,
		agreed_delivery_location_id)
	select m.id + i, 1 + i % 40, 1 + i % 20, 1 + i % 25, 100 * i, 2.50, 1 + i % 3,
		date '2026-10-01', date '2026-10-08', 1 + i % 30
	from generate_series(1, 50) i cross join (select max(sales_order_id) from sales_order) m (id);
update sales_order set units_sold = units_sold + 1 where sales_order_id % 100 = 0;
update payment set paid = true where not paid and payment_id <= 100;
update design set design_name = 'Golden Fish' where design_id = 7;
-- A run copies what is older than a second: see the manual, sql.md, horizon.
select pg_sleep(1.1);
