-- SPDX-License-Identifier: MIT
-- Runs before a claim under max_running or a quota, so that no two daemons count at the
-- same time. Only the daemon's role may lock the row. No parameters.
select from reportd.claim_turn for update
