-- SPDX-License-Identifier: MIT
-- The OLTP database of a maker of novelty goods, with the same rows each time.

create function touch() returns trigger language plpgsql as $$
begin
	new.last_updated := now();
	return new;
end $$;

create table currency (currency_id int primary key, currency_code varchar(3) not null);
create table department (department_id int primary key, department_name text not null,
	location text, manager text);
create table payment_type (payment_type_id int primary key, payment_type_name text not null);
create table address (address_id int primary key, address_line_1 text not null, district text,
	city text not null, postal_code text not null, country text not null, phone text not null);
create table staff (staff_id int primary key, first_name text not null, last_name text not null,
	department_id int not null references department, email_address text not null);
create table design (design_id int primary key, design_name text not null,
	file_location text not null, file_name text not null);
create table counterparty (counterparty_id int primary key,
	counterparty_legal_name text not null, legal_address_id int not null references address);
create table sales_order (sales_order_id int primary key,
	created_at timestamptz not null default now(),
	last_updated timestamptz not null default now(),
	design_id int not null references design, staff_id int not null references staff,
	counterparty_id int not null references counterparty, units_sold int not null,
	unit_price numeric(10, 2) not null, currency_id int not null references currency,
	agreed_delivery_date date not null, agreed_payment_date date not null,
	agreed_delivery_location_id int not null references address);
create table purchase_order (purchase_order_id int primary key,
	created_at timestamptz not null default now(),
	last_updated timestamptz not null default now(),
	staff_id int not null references staff,
	counterparty_id int not null references counterparty, item_code text not null,
	item_quantity int not null, item_unit_price numeric(10, 2) not null,
	currency_id int not null references currency, agreed_delivery_date date not null,
	agreed_payment_date date not null,
	agreed_delivery_location_id int not null references address);
create table transaction (transaction_id int primary key, transaction_type text not null,
	sales_order_id int references sales_order, purchase_order_id int references purchase_order);
create table payment (payment_id int primary key,
	created_at timestamptz not null default now(),
	last_updated timestamptz not null default now(),
	transaction_id int not null references transaction,
	counterparty_id int not null references counterparty, payment_amount numeric(10, 2) not null,
	currency_id int not null references currency,
	payment_type_id int not null references payment_type, paid boolean not null,
	payment_date date not null);

-- These two let the catalogue show that last_updated tells which rows are new.
create index sales_order_updated on sales_order (last_updated);
create index purchase_order_updated on purchase_order (last_updated);
create index payment_updated on payment (last_updated);
create trigger touched before update on sales_order for each row execute function touch();
create trigger touched before update on purchase_order for each row execute function touch();
create trigger touched before update on payment for each row execute function touch();

select setseed(0.15);

insert into currency values (1, 'GBP'), (2, 'USD'), (3, 'EUR');
insert into department values (1, 'Sales', 'Manchester', 'Ann Moore'),
	(2, 'Purchasing', 'Manchester', 'Bob Lee'), (3, 'Production', 'Leeds', 'Cy Young');
insert into payment_type values (1, 'SALES_RECEIPT'), (2, 'SALES_REFUND'),
	(3, 'PURCHASE_PAYMENT'), (4, 'PURCHASE_REFUND');
insert into address
	select i, i || ' ' || (array['Mill Lane', 'High Street', 'Station Road'])[1 + i % 3], null,
		(array['Leeds', 'York', 'Hull', 'Bath'])[1 + i % 4], 'LS' || i, 'United Kingdom',
		'0113 49600' || lpad(i::text, 2, '0')
	from generate_series(1, 30) i;
insert into staff
	select i, (array['Mia', 'Noé', 'Zoë', 'Ian'])[1 + i % 4],
		(array['Smith', 'O''Brien', 'Łuczak', 'Okafor', 'Müller'])[1 + i % 5], 1 + i % 3,
		'staff' || i || '@totesys.example'
	from generate_series(1, 20) i;
insert into design
	select i, (array['Wooden', 'Granite', 'Steel'])[1 + i % 3] || ' ' ||
			(array['Fish', 'Hat', 'Lamp', 'Tote'])[1 + i % 4],
		'/designs', 'design-' || i || '.json'
	from generate_series(1, 40) i;
insert into counterparty
	select i, 'Company ' || i || (array[' Ltd', ' GmbH', ' Inc'])[1 + i % 3], 1 + i % 30
	from generate_series(1, 25) i;
insert into sales_order
	select i, at, at, 1 + floor(random() * 40)::int, 1 + floor(random() * 20)::int,
		1 + floor(random() * 25)::int, 1 + floor(random() * 100000)::int,
		round((2 + random() * 2)::numeric, 2), 1 + floor(random() * 3)::int,
		at::date + 5, at::date + 10, 1 + floor(random() * 30)::int
	from generate_series(1, 2000) i
	cross join lateral (select timestamptz '2026-01-01 08:00+00' + i * interval '3 hours') t (at);
insert into purchase_order
	select i, at, at, 1 + floor(random() * 20)::int, 1 + floor(random() * 25)::int,
		'ITEM' || 1 + i % 50, 1 + floor(random() * 1000)::int,
		round((1 + random() * 900)::numeric, 2), 1 + floor(random() * 3)::int,
		at::date + 5, at::date + 10, 1 + floor(random() * 30)::int
	from generate_series(1, 500) i
	cross join lateral (select timestamptz '2026-01-01 09:00+00' + i * interval '12 hours') t (at);
insert into transaction
	select i, 'SALE', i, null from generate_series(1, 2000) i
	union all
	select 2000 + i, 'PURCHASE', null, i from generate_series(1, 500) i;
insert into payment
	select t.transaction_id, o.at, o.at, t.transaction_id, o.counterparty_id, o.amount,
		o.currency_id, case t.transaction_type when 'SALE' then 1 else 3 end,
		t.transaction_id % 10 <> 0, o.at::date + 10
	from transaction t
	cross join lateral (
		select s.created_at, s.counterparty_id, s.units_sold * s.unit_price, s.currency_id
		from sales_order s where s.sales_order_id = t.sales_order_id
		union all
		select p.created_at, p.counterparty_id, p.item_quantity * p.item_unit_price, p.currency_id
		from purchase_order p where p.purchase_order_id = t.purchase_order_id
	) o (at, counterparty_id, amount, currency_id);

create role totesys_reader login;
-- The role sees which transactions are open, so that no rows of a slow one are missed.
grant pg_read_all_stats to totesys_reader;
grant select on all tables in schema public to totesys_reader;
