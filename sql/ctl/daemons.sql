-- SPDX-License-Identifier: MIT
-- Daemons and what waits for them. No parameters; one row: how many are alive,
-- how many are late, how many reports are due.
select count(*) filter (where w.heartbeat_at > now() - w.lease) as alive,
	count(*) filter (where w.heartbeat_at <= now() - w.lease) as late,
	(select count(*) from reportd.v_pending_reports) as due
from reportd.report_worker w
