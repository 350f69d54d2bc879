-- SPDX-License-Identifier: MIT
-- The amount of work, for metrics in the log. No parameters. One row: reports that are
-- due, that run, daemons, seconds for which the oldest has been due.
select (p ->> 'due')::bigint, (p ->> 'running')::bigint, (p ->> 'daemons')::bigint,
	(p ->> 'oldest_due_s')::bigint
from reportd.scale_plan(null, 0, 0, 0, 1, 1) p
