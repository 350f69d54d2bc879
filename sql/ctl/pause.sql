-- SPDX-License-Identifier: MIT
-- Puts a report to rest: it fires no more and cannot be run. $1 config_id bigint. One row:
-- PAUSED.
select 'PAUSED' from reportd.change($1, '{"is_active": false}')
