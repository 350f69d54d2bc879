-- SPDX-License-Identifier: MIT
-- The ledger's entry about a request. :"schema" its schema; :'1' queue, :'2' request_id. No
-- row: nothing.
select l."rows", l.result, to_char(l.loaded_at, 'YYYY-MM-DD HH24:MI:SSOF') as at
from :"schema".reportd_load l
where l.queue = :'1' and l.request_id = :'2'
