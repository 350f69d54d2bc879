-- SPDX-License-Identifier: MIT
-- Wakes the daemons, which look at the queue at once, and read the inbox. No parameters. One
-- row: how many reports are due that the role may see.
select (select count(*) from reportd.v_pending_reports)
from pg_notify('reportd_pending', ''), reportd.wake_inboxes()
