-- SPDX-License-Identifier: MIT
-- Counts of daemons and due reports. No parameters; one row: daemons that are alive,
-- daemons whose heartbeat is late, reports that are due.
select count(*) filter (where w.heartbeat_at between now() - w.lease and now() + w.lease) as alive,
	count(*) filter (where w.heartbeat_at not between now() - w.lease and now() + w.lease) as late,
	(select count(*) from reportd.v_pending_reports) as due
from reportd.report_worker w
