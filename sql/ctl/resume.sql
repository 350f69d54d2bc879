-- SPDX-License-Identifier: MIT
-- The opposite of pause.sql: its schedule goes on from now. $1 config_id bigint. One row:
-- ACTIVE.
select 'ACTIVE' from reportd.change($1, '{"is_active": true}')
