-- SPDX-License-Identifier: MIT
-- Tells whoever decides how many daemons there should be that this one ends, though it
-- still has runs in hand. $1 worker_id uuid
update reportd.report_worker set leaving = true where worker_id = $1
