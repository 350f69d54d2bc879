-- SPDX-License-Identifier: MIT
-- Writes what was loaded, before the COMMIT. :"schema" the ledger's schema; $1 queue uuid,
-- $2 request_id bigint, $3 rows bigint, $4 the row of result_sql jsonb.
update :"schema".reportd_load l
set rows = $3::pg_catalog.int8, result = $4::pg_catalog.jsonb,
	loaded_at = pg_catalog.clock_timestamp()
where l.queue = $1::pg_catalog.uuid and l.request_id = $2::pg_catalog.int8
