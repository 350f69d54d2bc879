-- SPDX-License-Identifier: MIT
-- Resumes a paused report: its schedule continues from now. $1 config_id bigint. One row:
-- a json object, {"status": ACTIVE}.
select json_build_object('status', 'ACTIVE') from reportd.change($1, '{"is_active": true}')
