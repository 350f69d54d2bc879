-- SPDX-License-Identifier: MIT
-- Sends only the heartbeat, after a tick failed: the cause of that failure must not
-- cost the daemon its lease. $1 worker_id uuid
update reportd.report_worker
set heartbeat_at = now(),
	judges_from = least(now() + lease,
		case when heartbeat_at > now() - lease then judges_from end)
where worker_id = $1
returning worker_id
