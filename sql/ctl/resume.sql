-- SPDX-License-Identifier: MIT
-- Resumes a paused report: its schedule continues from now. $1 config_id bigint. One row:
-- ACTIVE.
select 'ACTIVE' from reportd.change($1, '{"is_active": true}')
