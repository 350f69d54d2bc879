-- SPDX-License-Identifier: MIT
-- The warehouse: one login loads, another one reads. Tables are made by the first load.
create role warehouse_loader login;
create role warehouse_reader login;
create schema star authorization warehouse_loader;
create schema reportd_target authorization warehouse_loader;
grant usage on schema star to warehouse_reader;
alter default privileges for role warehouse_loader in schema star
	grant select on tables to warehouse_reader;
