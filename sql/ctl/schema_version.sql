-- SPDX-License-Identifier: MIT
-- No parameters; one row: the schema's version int, and the oldest version that
-- programs may have been written for int, see sql/queue/version.sql.
select coalesce(max(u.version), 0) as version,
	coalesce(max((to_jsonb(u) ->> 'serves')::int), 0) as serves
from reportd.schema_upgrade u
