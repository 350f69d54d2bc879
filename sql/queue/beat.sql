-- SPDX-License-Identifier: MIT
-- The bare heartbeat, for when a tick failed: whatever is wrong with it must not
-- cost the daemon its lease. $1 worker_id uuid
update reportd.report_worker set heartbeat_at = now()
where worker_id = $1
returning worker_id
