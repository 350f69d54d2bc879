-- SPDX-License-Identifier: MIT
-- Before a claim under max_running or a quota: two daemons must not count at once.
-- Only the daemon's role may lock the row. No parameters.
select from reportd.claim_turn for update
