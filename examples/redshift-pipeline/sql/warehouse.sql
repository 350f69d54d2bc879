-- SPDX-License-Identifier: MIT
-- In Redshift's SQL, run once by a role that may make schemas: the tables that are
-- loaded, and the external schema, by which Redshift reads files of the lake in their
-- place.
drop schema if exists sales cascade;
create schema sales;

create table sales.staging (
	sale_id bigint not null,
	sold_on date not null,
	region varchar(16) not null,
	product varchar(64) not null,
	units int not null,
	amount numeric(12, 2) not null
);

create table sales.sale (
	file varchar(1024) not null,
	sale_id bigint not null,
	sold_on date not null,
	region varchar(16) not null,
	product varchar(64) not null,
	units int not null,
	amount numeric(12, 2) not null
);

-- The user of the secret.
grant usage on schema sales to pipeline;
grant select, insert, delete on sales.staging, sales.sale to pipeline;

drop schema if exists lake cascade;
create external schema lake from data catalog database 'lake' iam_role default
create external database if not exists;
grant usage on schema lake to pipeline;

create external table lake.plan (region varchar(16), month date, planned numeric(12, 2))
row format delimited fields terminated by ',' stored as textfile
location 's3://acme-lake/plan/' table properties ('skip.header.line.count'='1');
