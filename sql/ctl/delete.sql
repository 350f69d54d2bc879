-- SPDX-License-Identifier: MIT
-- Deletes a report. $1 config_id bigint. One row: DELETED.
select 'DELETED' from reportd.delete($1)
