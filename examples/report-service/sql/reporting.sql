-- SPDX-License-Identifier: MIT
-- The company's Snowflake: the table of reports, the orders that they read, and who may do what.
-- A PostgreSQL plays it here; names in quotes are in capitals, as Snowflake's are without them.

create schema "INBOX";
create table "INBOX"."REPORT_CONFIG" (
	"CONFIG_ID" int generated always as identity primary key,
	"REPORT_NAME" varchar not null,
	"TRIGGER_TYPE" varchar not null default 'ADHOC',
	"SCHEDULE_EXPRESSION" varchar,
	"NEXT_RUN_TIME" timestamptz,
	"PRIORITY" int not null default 3,
	"SOURCE" varchar not null default 'warehouse',
	"EXPORT_SQL" varchar not null,
	"PARAMETERS" varchar,
	"OUTPUT_FORMAT" varchar not null default 'CSV',
	"OUTPUT_OPTIONS" varchar,
	"OUTPUT_PATH" varchar not null,
	"NOTIFY_ON_COMPLETION" varchar,
	"NOTIFY_ON_FAILURE" varchar,
	"STATUS" varchar default 'PENDING',
	"ERROR_MESSAGE" varchar,
	"OUTPUT_URL" varchar
);

-- A stream on the table and a task, which reads it and calls the trigger.
create table "INBOX"."WOKEN" ("AT" timestamptz default now(), "ANSWER" varchar);
create function new_reports() returns trigger language plpgsql as $$
begin
	notify new_reports;
	return null;
end $$;
create trigger wake after insert on "INBOX"."REPORT_CONFIG" execute function new_reports();

create table orders (
	order_id int primary key,
	ordered_on date not null,
	city varchar not null,
	product varchar not null,
	units int not null,
	unit_price numeric(8, 2) not null,
	delivered boolean not null
);
select setseed(0.15);
insert into orders
	select i, date '2026-01-01' + i / 5, (array['Leeds', 'York', 'Hull', 'Bath'])[1 + floor(random() * 4)::int],
		(array['Lamp', 'Tote', 'Fish'])[1 + i % 3], 1 + floor(random() * 20)::int,
		round((2 + random() * 98)::numeric, 2), i % 7 <> 0
	from generate_series(1, 900) i;

-- Functions of Snowflake that PostgreSQL has not.
create function to_varchar(anyelement) returns text language sql as 'select $1::text';
create function current_available_roles() returns text language sql as $$select '["REPORT_READER"]'$$;

-- reportd has two users: one writes back into the table, the other one runs the SQL of reports.
create role report_inbox login;
grant usage on schema "INBOX" to report_inbox;
grant select, update on table "INBOX"."REPORT_CONFIG" to report_inbox;
create role report_reader login;
grant select on table orders to report_reader;
