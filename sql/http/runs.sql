-- SPDX-License-Identifier: MIT
-- Runs, the newest first. $1 before which run_id, $2 limit, $3 config_id or report_key,
-- $4 status. One row: {"items", "next"}.
with report as materialized (
	select c.config_id from reportd.report_config c
	where c.report_key = $3
	union all select $3::bigint where $3 ~ '^[0-9]{1,18}$'
), page as (
	select r.run_id, r.config_id, (select c.report_key from reportd.report_config c
			where c.config_id = r.config_id) as report_key,
		r.request_id, r.report_name, r.owner::text as owner, r.attempt, r.status, r.stage,
		r.scheduled_for, r.started_at, r.prep_finished_at, r.finished_at,
		round(extract(epoch from coalesce(r.finished_at, now()) - r.started_at)::numeric, 3)
			as seconds,
		r.row_count, r.byte_count, r.output_url, r.remark, r.score, r.error_stage, r.error_sqlstate,
		r.error_message
	from reportd.report_run r
	where r.run_id < coalesce($1::bigint, 9223372036854775807)
		and ($3::text is null or r.config_id in (select p.config_id from report p))
		and ($4::text is null or r.status = upper($4))
	order by r.run_id desc
	limit least(greatest(coalesce($2::int, 50), 1), 500)
)
select json_build_object(
	'items', coalesce(json_agg(p order by p.run_id desc), '[]'),
	'next', case when count(*) = least(greatest(coalesce($2::int, 50), 1), 500)
		then min(p.run_id) end)
from page p
