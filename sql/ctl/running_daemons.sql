-- SPDX-License-Identifier: MIT
-- The daemons that are alive, which an upgrade of the schema affects. No parameters;
-- one row: a text such as "web1 (process 4711, reportd 0.1.0), web2 (...)"; empty
-- when there are none. The schema may be one without reportd.running_daemon.
select coalesce(string_agg(format('%s (process %s, reportd %s)', w.host, w.pid, w.version), ', '
	order by w.host, w.pid), '') as daemons
from reportd.report_worker w
where w.heartbeat_at between now() - w.lease and now() + w.lease
