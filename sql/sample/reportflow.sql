-- SPDX-License-Identifier: MIT
-- A small reporting schema: clients, their transactions, and a table that the
-- prep step of a report fills and its export reads. The same rows on every run.
--
--	psql -f reportflow.sql

\set ON_ERROR_STOP on
\set QUIET on
set client_min_messages = warning;
begin;
set local timezone = 'UTC';

drop schema if exists reportflow cascade;
create schema reportflow;

create table reportflow.client (
	client_id int primary key,
	client_name text not null,
	segment text not null,
	country char(2) not null,
	email text,
	client_since date not null
);

create table reportflow.transactions (
	transaction_id int primary key,
	client_id int not null references reportflow.client,
	booked_at timestamptz not null,
	kind text not null check (kind in ('SALE', 'REFUND', 'FEE')),
	currency char(3) not null,
	amount numeric(12, 2) not null,
	memo text
);

-- Every run has its own rows: two runs at a time do not meet.
create table reportflow.report_output (
	run_id bigint not null,
	client_id int not null,
	client_name text not null,
	currency char(3) not null,
	transactions int not null,
	total numeric(14, 2) not null,
	last_booked date not null,
	prepared_at timestamptz not null default now(),
	primary key (run_id, client_id, currency)
);

-- A prep step may also be one CALL.
create procedure reportflow.prepare_month(run_id bigint, month date)
language sql as $$
	delete from reportflow.report_output o
	where o.run_id = $1 or o.prepared_at < now() - interval '7 days';
	insert into reportflow.report_output (run_id, client_id, client_name, currency,
		transactions, total, last_booked)
	select $1, c.client_id, c.client_name, t.currency, count(*), sum(t.amount),
		max(t.booked_at at time zone 'UTC')::date
	from reportflow.client c
	join reportflow.transactions t using (client_id)
	where t.booked_at >= date_trunc('month', $2) at time zone 'UTC'
		and t.booked_at < (date_trunc('month', $2) + interval '1 month') at time zone 'UTC'
	group by c.client_id, c.client_name, t.currency;
$$;

do $$ begin perform setseed(0.42); end $$;

insert into reportflow.client
select i,
	names[1 + floor(random() * cardinality(names))] || ' '
		|| forms[1 + floor(random() * cardinality(forms))],
	(array['retail', 'wholesale', 'public', 'partner'])[1 + floor(random() * 4)],
	(array['DE', 'FR', 'PL', 'GB', 'US', 'JP'])[1 + floor(random() * 6)],
	case when random() < 0.9 then 'billing' || i || '@client.example' end,
	date '2015-01-01' + floor(random() * 3000)::int
from generate_series(1, 200) i, (values (
	array['Acme', 'Blue Harbour', 'Café Zoë', 'Delta & Sons', 'Łódź Textile',
		'Northwind', 'O''Brien', 'Müller', 'Sakura 桜', '"Quick" Freight'],
	array['Ltd.', 'GmbH', 'S.A.', 'Trading, Inc.', 'Partners', 'Cooperative'])
	) as word(names, forms);

insert into reportflow.transactions
select i, 1 + floor(power(random(), 2) * 200),
	timestamptz '2025-01-01 00:00+00' + random() * interval '365 days',
	kind, (array['EUR', 'EUR', 'EUR', 'USD', 'GBP'])[1 + floor(random() * 5)],
	round((case kind when 'REFUND' then -40 when 'FEE' then 5 else 250 end
		* (0.1 + random() + power(random(), 8) * 20))::numeric, 2),
	case when random() < 0.1 then 'order ' || i || ', see "terms"' end
from (select i, (array['SALE', 'SALE', 'SALE', 'SALE', 'SALE', 'SALE', 'SALE', 'SALE',
		'REFUND', 'FEE'])[1 + floor(random() * 10)] as kind
	from generate_series(1, 20000) i) t;

create index on reportflow.transactions (booked_at);
commit;
analyze reportflow.client, reportflow.transactions;
