-- SPDX-License-Identifier: MIT
-- Takes the place of a request in the ledger: waits for a transaction that holds it, and
-- inserts no row where another one has committed it. :"schema" its schema; $1 queue uuid,
-- $2 request_id bigint, $3 report text, $4 table text.
insert into :"schema".reportd_load (queue, request_id, report, target_table)
values ($1::pg_catalog.uuid, $2::pg_catalog.int8, $3, $4)
on conflict do nothing
