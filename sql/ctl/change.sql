-- SPDX-License-Identifier: MIT
-- Changes a report. $1 config_id bigint, $2 columns and their new values jsonb. One row:
-- CHANGED.
select 'CHANGED' from reportd.change($1, $2)
