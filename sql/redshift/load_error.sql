-- SPDX-License-Identifier: MIT
-- Why this session's COPY has failed, by a cluster. One row or none: the reason, line, column,
-- value, and the object.
select trim(e.err_reason), e.line_number, trim(e.colname), trim(e.raw_field_value),
	trim(e.filename)
from pg_catalog.stl_load_errors e
where e.session = pg_backend_pid()
order by e.starttime desc
limit 1
