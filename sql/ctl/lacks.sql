-- SPDX-License-Identifier: MIT
-- The user, the acting role, and which of reportd's roles it lacks for what. No parameters;
-- one row: session_user, current_user, a text; null: it lacks none. The schema may not be there.
select session_user, current_user, string_agg(format('who %s needs the role %s', l.does, l.role),
	', ' order by l.place)
from (values (1, 'reportd_viewer', 'looks at reports'),
	(2, 'reportd_submitter', 'asks for reports and acts on those of its own'),
	(3, 'reportd_operator', 'acts on the reports of others')) l(place, role, does)
where not exists (select from pg_roles r
	where r.rolname = l.role and pg_has_role(r.oid, 'USAGE'))
