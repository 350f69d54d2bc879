-- SPDX-License-Identifier: MIT
-- How a report stands, for those who wait for its end.
-- $1 config_id bigint
-- One row: json object, or none when there is no such report.
select row_to_json(q) from (
	select c.config_id, c.report_name, c.status, c.run_id,
		r.stage, r.row_count, r.byte_count,
		round(extract(epoch from coalesce(r.finished_at, now()) - r.started_at)::numeric, 3)
			as seconds,
		(select p.row_count from reportd.report_run p
		 where p.config_id = c.config_id and p.run_id < c.run_id
			and p.status = 'COMPLETED'
		 order by p.run_id desc limit 1) as total_rows,
		r.output_url, r.sha256, r.outputs, r.remark, r.error_stage, c.error_message,
		(select count(*) from reportd.report_worker w
		 where w.heartbeat_at > now() - w.lease) as daemons
	from reportd.report_config c
	left join reportd.report_run r using (run_id)
	where c.config_id = $1
) q
