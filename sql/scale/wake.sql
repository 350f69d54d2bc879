-- SPDX-License-Identifier: MIT
-- Has the inboxes read soon, because their tables may have new rows. No parameters. One
-- row: the number of inboxes.
select reportd.wake_inboxes()
