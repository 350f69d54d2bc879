-- SPDX-License-Identifier: MIT
-- The same by a Serverless workgroup, which has no stl_load_errors and no values.
select trim(e.error_message), e.line_number, trim(e.column_name), null, trim(e.file_name)
from pg_catalog.sys_load_error_detail e
where e.session_id = pg_backend_pid()
order by e.start_time desc
limit 1
