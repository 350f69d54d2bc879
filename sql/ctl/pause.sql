-- SPDX-License-Identifier: MIT
-- Pauses a report: its schedule stops, and it cannot be run. $1 config_id bigint. One row:
-- a json object, {"status": PAUSED}.
select json_build_object('status', 'PAUSED') from reportd.change($1, '{"is_active": false}')
