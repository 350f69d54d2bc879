-- SPDX-License-Identifier: MIT
-- The schema's version. No parameters; one row: version int.
select coalesce(max(u.version), 0) as version from reportd.schema_upgrade u
