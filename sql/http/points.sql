-- SPDX-License-Identifier: MIT
-- The newest runs that have ended, for plots. $1 config_id or report_key, or null, $2
-- limit. One row: an array of [run_id, config_id, seconds since 1970, seconds, rows,
-- bytes, status].
with report as materialized (
	select c.config_id from reportd.report_config c
	where c.report_key = $1
	union all select $1::bigint where $1 ~ '^[0-9]{1,18}$'
)
select coalesce(json_agg(json_build_array(q.run_id, q.config_id,
		round(extract(epoch from q.started_at)::numeric, 1),
		round(extract(epoch from q.finished_at - q.started_at)::numeric, 3),
		q.row_count, q.byte_count, q.status) order by q.run_id), '[]')
from (
	select r.run_id, r.config_id, r.started_at, r.finished_at, r.row_count, r.byte_count,
		r.status
	from reportd.report_run r
	where r.status <> 'PROCESSING'
		and ($1::text is null or r.config_id in (select p.config_id from report p))
	order by r.run_id desc
	limit least(greatest(coalesce($2::int, 500), 1), 2000)) q
