-- SPDX-License-Identifier: MIT
-- The star schema, in DuckDB's SQL over the files of the raw zone. Each statement makes the
-- Parquet file of one table. Facts hold each version of a row that was copied; dimensions
-- hold the present rows.

-- fact_sales_order
select sales_order_id, created_at::date as created_date, created_at::timestamp::time as created_time,
	last_updated, last_updated::date as last_updated_date, staff_id as sales_staff_id,
	counterparty_id, units_sold, unit_price, currency_id, design_id, agreed_payment_date,
	agreed_delivery_date, agreed_delivery_location_id
from sales_order;

-- fact_purchase_order
select purchase_order_id, created_at::date as created_date, created_at::timestamp::time as created_time,
	last_updated, last_updated::date as last_updated_date, staff_id, counterparty_id, item_code,
	item_quantity, item_unit_price, currency_id, agreed_delivery_date, agreed_payment_date,
	agreed_delivery_location_id
from purchase_order;

-- fact_payment
select payment_id, created_at::date as created_date, created_at::timestamp::time as created_time,
	last_updated, last_updated::date as last_updated_date, transaction_id, counterparty_id,
	payment_amount, currency_id, payment_type_id, paid, payment_date
from payment;

-- dim_staff
select s.staff_id, s.first_name, s.last_name, d.department_name, d.location, s.email_address
from staff s join department d using (department_id);

-- dim_counterparty
select c.counterparty_id, c.counterparty_legal_name, a.address_line_1, a.district, a.city,
	a.postal_code, a.country, a.phone
from counterparty c join address a on a.address_id = c.legal_address_id;

-- dim_location
select address_id as location_id, address_line_1, district, city, postal_code, country, phone
from address;

-- dim_design
select design_id, design_name, file_location, file_name from design;

-- dim_currency
select currency_id, currency_code, case currency_code when 'GBP' then 'Pound sterling'
	when 'USD' then 'US dollar' when 'EUR' then 'Euro' end as currency_name
from currency;

-- dim_payment_type
select payment_type_id, payment_type_name from payment_type;

-- dim_transaction
select transaction_id, transaction_type, sales_order_id, purchase_order_id from transaction;

-- dim_date
select d::date as date_id, year(d)::int as year, month(d)::int as month, day(d)::int as day,
	isodow(d)::int as day_of_week, dayname(d) as day_name, monthname(d) as month_name,
	quarter(d)::int as quarter
from range(timestamp '2025-01-01', timestamp '2028-01-01', interval 1 day) r (d)
