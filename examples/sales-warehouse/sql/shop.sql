-- SPDX-License-Identifier: MIT
-- The shop's database, with the same rows each time: 10,000 customers, 500 products, 50 reps and
-- 100,000 sales, in the state in which such tables are often found: many columns are texts,
-- names have blanks, some rows come twice, some are empty.

select setseed(0.15);

create table customers ("Customer ID" text, "First Name" text, "Last Name" text, "E-Mail" text,
	"City" text, "Signed Up" text);
insert into customers
	select i::text, (array['Mia', 'Noé', 'Zoë', 'Ian', 'Ada'])[1 + i % 5],
		(array['Smith', 'O''Brien', 'Łuczak', 'Okafor', 'Müller', 'van Dijk'])[1 + i % 6],
		'customer' || i || '@example.com', (array['Leeds', 'York', 'Hull', 'Bath'])[1 + floor(random() * 4)::int],
		(date '2023-01-01' + floor(random() * 365)::int)::text
	from generate_series(1, 10000) i;

create table products ("Product ID" int, "Product Name" text, "Category" text,
	"List Price" numeric(8, 2), "Unit Cost" numeric(8, 2));
insert into products
	select i, (array['Wooden', 'Granite', 'Steel', 'Paper', 'Woollen'])[1 + i % 5] || ' ' ||
			(array['Fish', 'Hat', 'Lamp', 'Tote'])[1 + i % 4] || ' No. ' || i,
		(array['Kitchen', 'Garden', 'Office', 'Toys'])[1 + i / 125 % 4], price,
		round(price * (0.45 + 0.4 * random()::numeric), 2)
	from generate_series(1, 500) i
	cross join lateral (select round((5 + 195 * random())::numeric, 2) + 0 * i) p (price);

create table reps (rep_id int, full_name text, region text, hired_on date);
insert into reps
	select i, (array['Ann', 'Bob', 'Cy', 'Dee', 'Eve'])[1 + i % 5] || ' ' ||
			(array['Moore', 'Lee', 'Young', 'Khan', 'Ito', 'Rossi', 'Novák', 'Silva', 'Berg', 'Olsen'])[1 + i / 5 % 10],
		(array['North', 'South', 'East', 'West'])[1 + i % 4], date '2020-01-01' + 30 * i
	from generate_series(1, 50) i;

create table sales ("Sale ID" text, "Sold On" text, "Customer ID" text, "Product ID" text,
	"Rep ID" text, "Units" text, "Unit Price" text, "Discount %" text);
insert into sales
	select i::text, (date '2024-01-01' + (i - 1) * 547 / 100000)::text,
		-- Few buy often.
		1 + floor(10000 * power(random(), 2))::int, product_id, 1 + floor(50 * random())::int,
		1 + floor(8 * random())::int, p."List Price", (array[0, 0, 0, 5, 10, 20])[1 + floor(6 * random())::int]
	from generate_series(1, 100000) i
	cross join lateral (select 1 + floor(500 * random())::int + 0 * i) d (product_id)
	join products p on p."Product ID" = product_id;

-- The faults of a careless export: repeated and empty rows.
insert into customers select * from customers where "Customer ID"::int % 100 = 0;
insert into customers select from generate_series(1, 20);
insert into products select * from products where "Product ID" % 50 = 0;
insert into products select from generate_series(1, 5);
insert into sales select * from sales where "Sale ID"::int % 200 = 0;
insert into sales select from generate_series(1, 50);

create role shop_reader login;
grant select on customers, products, sales to shop_reader;
