-- SPDX-License-Identifier: MIT
-- Deletes a report. $1 config_id bigint. One row: a json object, {"status": DELETED}.
select json_build_object('status', 'DELETED') from reportd.delete($1)
