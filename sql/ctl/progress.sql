-- SPDX-License-Identifier: MIT
-- The state of a request of a report, for clients that wait for its end.
-- $1 config_id bigint, $2 request_id bigint or null for the current one
-- One row: json object, or none when there is no such report.
select row_to_json(q) from (
	select c.config_id, c.report_name, q.request_id, q.status, q.run_id,
		r.stage, r.row_count, r.byte_count,
		round(extract(epoch from coalesce(r.finished_at, now()) - r.started_at)::numeric, 3)
			as seconds,
		(select p.row_count from reportd.report_run p
		 where p.config_id = c.config_id and p.run_id < q.run_id
			and p.status = 'COMPLETED'
		 order by p.run_id desc limit 1) as total_rows,
		r.output_url, r.sha256, r.outputs, r.remark, r.error_stage, q.error_message,
		(select count(*) from reportd.running_daemon) as daemons
	from reportd.report_config c
	join reportd.v_requests q on q.config_id = c.config_id
		and q.request_id = coalesce($2::bigint, c.request_id)
	left join reportd.report_run r on r.run_id = q.run_id
	where c.config_id = $1
) q
