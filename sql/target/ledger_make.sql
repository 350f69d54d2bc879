-- SPDX-License-Identifier: MIT
-- Makes the ledger of a target, in which a row stands for each request whose rows were
-- loaded. It is written in the transaction that loads them, so a row means that the rows
-- are there.
-- :"schema" its schema.
create table if not exists :"schema".reportd_load (
	queue pg_catalog.uuid not null,
	request_id pg_catalog.int8 not null,
	report pg_catalog.text not null,
	target_table pg_catalog.text not null,
	rows pg_catalog.int8,
	result pg_catalog.jsonb,
	loaded_at pg_catalog.timestamptz not null default pg_catalog.now(),
	primary key (queue, request_id)
);
comment on table :"schema".reportd_load is
	'Loads of reportd. A request whose row is here is not loaded again.'
