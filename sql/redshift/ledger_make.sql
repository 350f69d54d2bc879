-- SPDX-License-Identifier: MIT
-- Makes the ledger of a target, in which a row stands for each request whose rows were
-- loaded. It is written in the transaction that loads them, so a row means that the rows
-- are there. Its key is not enforced by Redshift: whoever writes a row locks the table first.
-- :"schema" its schema.
create table if not exists :"schema".reportd_load (
	queue varchar(36) not null,
	request_id bigint not null,
	report varchar(4000) not null,
	target_table varchar(300) not null,
	"rows" bigint,
	result varchar(65535),
	loaded_at timestamptz not null,
	primary key (queue, request_id)
)
