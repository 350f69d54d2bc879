-- SPDX-License-Identifier: MIT
-- Writes what was loaded, before the COMMIT. :"schema" the ledger's schema; :'1' queue,
-- :'2' request_id, :'3' report, :'4' table, :'5' rows, :'6' the row of result_sql.
insert into :"schema".reportd_load
	(queue, request_id, report, target_table, "rows", result, loaded_at)
values (:'1', :'2', :'3', :'4', :'5', :'6', getdate())
