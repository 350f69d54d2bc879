-- SPDX-License-Identifier: MIT
-- Counts of daemons and due reports. No parameters; one row: daemons that are alive,
-- daemons whose heartbeat is late, reports that are due.
select count(d.worker_id) as alive, count(*) - count(d.worker_id) as late,
	(select count(*) from reportd.v_pending_reports) as due
from reportd.report_worker w
left join reportd.running_daemon d using (worker_id)
