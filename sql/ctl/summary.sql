-- SPDX-License-Identifier: MIT
-- Reports by trigger type and status. No parameters; one row: a json array.
select coalesce(json_agg(s), '[]') from reportd.v_report_summary s
