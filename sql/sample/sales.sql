-- SPDX-License-Identifier: MIT
-- A sales star: 10,000 customers, 500 products, 50 sales reps, 730 days and
-- 100,000 sales, or as many as you say. The same rows on every run.
--
--	psql -f sales.sql
--	psql -v sales_rows=50000000 -f sales.sql

\set ON_ERROR_STOP on
\set QUIET on
\if :{?sales_rows}
\else
	\set sales_rows 100000
\endif
set client_min_messages = warning;
begin;
set local timezone = 'UTC';

drop schema if exists sales cascade;
create schema sales;

create table sales.dim_customer (
	customer_key int primary key,
	customer_number text not null,
	customer_name text not null,
	segment text not null,
	city text not null,
	country text not null,
	email text,
	credit_limit numeric(12, 2),
	customer_since date not null,
	is_active boolean not null
);

create table sales.dim_product (
	product_key int primary key,
	sku text not null,
	product_name text not null,
	category text not null,
	list_price numeric(10, 2) not null,
	unit_cost numeric(10, 2) not null,
	weight_kg double precision,
	launched_on date not null
);

create table sales.dim_sales_rep (
	sales_rep_key int primary key,
	rep_name text not null,
	region text not null,
	hired_on date not null,
	quota numeric(12, 2) not null
);

create table sales.dim_date (
	date_key int primary key,
	date date not null,
	year int not null,
	quarter int not null,
	month int not null,
	month_name text not null,
	iso_week int not null,
	weekday_name text not null,
	is_weekend boolean not null
);

create table sales.fact_sales (
	sale_id bigint not null,
	order_number text not null,
	date_key int not null,
	customer_key int not null,
	product_key int not null,
	sales_rep_key int not null,
	sold_at timestamptz not null,
	channel text not null,
	quantity int not null,
	unit_price numeric(10, 2) not null,
	discount numeric(3, 2) not null,
	amount numeric(12, 2) not null
);

do $$ begin perform setseed(0.2024); end $$;

insert into sales.dim_customer
select i, 'C-' || lpad(i::text, 6, '0'),
	first[1 + floor(random() * cardinality(first))] || ' '
		|| last[1 + floor(random() * cardinality(last))],
	(array['consumer', 'small business', 'enterprise', 'public'])[1 + floor(random() * 4)],
	cities[place], countries[place],
	case when random() < 0.95 then 'customer' || i || '@mail.example' end,
	case when random() < 0.8 then round((500 + random() * 50000)::numeric, -2) end,
	date '2012-01-01' + floor(random() * 4300)::int,
	random() < 0.93
from (select i, 1 + floor(random() * 8)::int as place from generate_series(1, 10000) i) c,
	(values (
		array['Ada', 'Bruno', 'Chloé', 'Dmitri', 'Eva', 'Farid', 'Grace', 'Hiro', 'Inês',
			'Jürgen', 'Katarzyna', 'Liam', 'Mei', 'Noor', 'Oluwaseun', 'Paula'],
		array['Andersson', 'Brown', 'Castillo', 'D''Angelo', 'Eriksen', 'Fischer', 'García',
			'Haddad', 'Ito', 'Jones', 'Kowalski', 'Li', 'Müller', 'Nguyễn', 'Okafor',
			'Smith, Jr.'],
		array['Berlin', 'Paris', 'Warszawa', 'London', 'New York', 'São Paulo', 'Tokyo',
			'Nairobi'],
		array['Germany', 'France', 'Poland', 'United Kingdom', 'United States', 'Brazil',
			'Japan', 'Kenya'])
	) as word(first, last, cities, countries);

insert into sales.dim_product
select i, 'SKU-' || lpad(i::text, 5, '0'),
	adjectives[1 + floor(random() * cardinality(adjectives))] || ' ' || thing
		|| case when random() < 0.1 then ' 19"' else ' ' || i end,
	category, list_price, round(list_price * (0.4 + random() * 0.35)::numeric, 2),
	case when random() < 0.9 then 0.05 + random() * 20 end,
	date '2018-01-01' + floor(random() * 2190)::int
from (select i, 1 + floor(random() * 8)::int as kind,
		round((4 + power(random(), 3) * 900)::numeric, 2) as list_price
	from generate_series(1, 500) i) p
cross join (values (array['Compact', 'Classic', 'Deluxe', 'Eco', 'Pro', 'Silent', 'Travel'])
	) as word(adjectives)
join (values (1, 'Desk', 'furniture'), (2, 'Chair', 'furniture'), (3, 'Lamp', 'lighting'),
	(4, 'Keyboard', 'electronics'), (5, 'Monitor', 'electronics'), (6, 'Backpack', 'travel'),
	(7, 'Kettle', 'kitchen'), (8, 'Notebook, A5', 'stationery')
	) as goods(kind, thing, category) using (kind);

insert into sales.dim_sales_rep
select i, first[1 + i % 10] || ' ' || last[1 + i / 10 % 5],
	(array['North', 'South', 'East', 'West', 'Online'])[1 + floor(random() * 5)],
	date '2010-01-01' + floor(random() * 5000)::int,
	round((200000 + random() * 800000)::numeric, -3)
from generate_series(1, 50) i, (values (
	array['Amira', 'Ben', 'Carla', 'David', 'Elif', 'Finn', 'Gita', 'Hugo', 'Ines', 'Jan'],
	array['Adler', 'Becker', 'Costa', 'Dubois', 'Evans'])) as word(first, last);

insert into sales.dim_date
select to_char(d, 'YYYYMMDD')::int, d, extract(year from d), extract(quarter from d),
	extract(month from d), to_char(d, 'FMMonth'), extract(week from d),
	to_char(d, 'FMDay'), extract(isodow from d) >= 6
from (select date '2024-01-01' + i as d from generate_series(0, 729) i) days;

-- Powers of random() make some customers and products sell more than others and
-- let sales grow with time.
insert into sales.fact_sales
select s.sale_id, 'SO-' || 1000000 + s.sale_id, d.date_key, s.customer_key, s.product_key,
	s.sales_rep_key, d.date at time zone 'UTC' + s.second * interval '1 second',
	(array['store', 'store', 'web', 'web', 'web', 'phone', 'partner'])[s.channel],
	s.quantity, p.list_price, s.discount,
	round(s.quantity * p.list_price * (1 - s.discount), 2)
from (
	select i as sale_id,
		1 + floor(power(random(), 2) * 10000)::int as customer_key,
		1 + floor(power(random(), 1.5) * 500)::int as product_key,
		1 + floor(random() * 50)::int as sales_rep_key,
		date '2024-01-01' + floor(power(random(), 0.8) * 730)::int as date,
		floor(25200 + random() * 54000)::int as second,
		1 + floor(random() * 7)::int as channel,
		1 + floor(power(random(), 3) * 12)::int as quantity,
		(array[0, 0, 0, 0.05, 0.1, 0.15, 0.25])[1 + floor(random() * 7)] as discount
	from generate_series(1, :sales_rows::bigint) i) s
join sales.dim_product p using (product_key)
join sales.dim_date d using (date);

alter table sales.fact_sales
	add primary key (sale_id),
	add foreign key (date_key) references sales.dim_date,
	add foreign key (customer_key) references sales.dim_customer,
	add foreign key (product_key) references sales.dim_product,
	add foreign key (sales_rep_key) references sales.dim_sales_rep;
create index on sales.fact_sales (date_key);
commit;
analyze sales.dim_customer, sales.dim_product, sales.dim_sales_rep, sales.dim_date,
	sales.fact_sales;
