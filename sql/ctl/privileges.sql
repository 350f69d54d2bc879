-- SPDX-License-Identifier: MIT
-- What the daemon needs and this user lacks, such as "UPDATE on
-- reportd.report_config". No parameters; one row: text, null when nothing lacks.
select string_agg(upper(p.privilege) || ' on ' || p.relation, ', ')
from (values ('reportd.report_config', 'select'), ('reportd.report_config', 'update'),
		('reportd.report_config', 'delete'),
		('reportd.report_run', 'select'), ('reportd.report_run', 'insert'),
		('reportd.report_run', 'update'), ('reportd.report_run', 'delete'),
		('reportd.report_worker', 'select'), ('reportd.report_worker', 'insert'),
		('reportd.report_worker', 'update'), ('reportd.report_worker', 'delete'),
		('reportd.report_notification', 'select'), ('reportd.report_notification', 'insert'),
		('reportd.report_notification', 'update'), ('reportd.report_notification', 'delete'),
		('reportd.pending_class', 'select'),
		('reportd.report_run_run_id_seq', 'usage'))
	as p(relation, privilege)
where not case when p.privilege = 'usage'
	then pg_catalog.has_sequence_privilege(p.relation, p.privilege)
	else pg_catalog.has_table_privilege(p.relation, p.privilege) end
