-- SPDX-License-Identifier: MIT
-- Has the inboxes read soon, as their table may have new rows. No parameters. One row: how
-- many there are.
select reportd.wake_inboxes()
