-- SPDX-License-Identifier: MIT
-- Privileges that the daemon needs and this user lacks, such as "UPDATE on
-- reportd.report_config". No parameters; one row: text, null when none is missing.
select string_agg(upper(p.privilege) || ' on reportd.' || t.relation, ', ')
from (values ('report_config', 'select,update,delete'),
		('report_request', 'select,insert,update,delete'),
		('report_run', 'select,insert,update,delete'),
		('report_worker', 'select,insert,update,delete'),
		('report_notification', 'select,update,delete'),
		('report_source', 'select,insert,update'),
		('report_target', 'select,insert,update'), ('queue_identity', 'select'),
		('report_usage', 'select,insert,update'),
		('report_grant', 'select'), ('report_quota', 'select'),
		('report_look', 'select,insert'), ('claim_turn', 'select,update'), ('count_turn', 'select,update'), ('pending_class', 'select'), ('running_daemon', 'select'),
		('report_run_run_id_seq', 'usage'), ('report_request_request_id_seq', 'usage'))
	as t(relation, privileges)
cross join unnest(string_to_array(t.privileges, ',')) p(privilege)
where not case when p.privilege = 'usage'
	then pg_catalog.has_sequence_privilege('reportd.' || t.relation, p.privilege)
	else pg_catalog.has_table_privilege('reportd.' || t.relation, p.privilege) end
