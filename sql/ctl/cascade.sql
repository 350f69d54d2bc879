-- SPDX-License-Identifier: MIT
-- The requests of a pipeline, for clients that wait for its end. $1 request_id bigint,
-- which began it. One row: {"opening", "daemons", "requests"}; opening: others are about
-- to follow.
select json_build_object(
	'opening', coalesce(reportd.opens_more($1::bigint), false),
	'daemons', (select count(*) from reportd.running_daemon),
	'requests', coalesce((
		select json_agg(json_build_object('request_id', v.request_id, 'config_id', v.config_id,
			'report', coalesce(v.report_key, v.report_name), 'status', v.status,
			'waits_for', v.waits_for) order by v.request_id)
		from reportd.v_requests v
		where v.request_id = $1::bigint or v.root = $1::bigint), '[]'))
