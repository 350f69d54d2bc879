-- SPDX-License-Identifier: MIT
-- The ledger's entry about a request. :"schema" its schema; $1 queue uuid, $2 request_id
-- bigint. No row: nothing.
select l.rows, l.result, pg_catalog.to_char(l.loaded_at, 'YYYY-MM-DD HH24:MI:SSOF') as at
from :"schema".reportd_load l
where l.queue = $1::pg_catalog.uuid and l.request_id = $2::pg_catalog.int8
