-- SPDX-License-Identifier: MIT
-- Requests, the newest first. $1 before which request_id, $2 limit, $3 config_id or
-- report_key. One row: {"items", "next"}.
with report as materialized (
	select c.config_id from reportd.report_config c
	where c.config_id = case when $3 ~ '^[0-9]{1,18}$' then $3::bigint end or c.report_key = $3
), id as materialized (
	-- Numbers first: the view computes much for each request.
	select request_id from (
		(select q.request_id from reportd.report_request q
		where ($3::text is null or q.config_id in (select r.config_id from report r))
			and q.request_id < coalesce($1::bigint, 9223372036854775807)
		order by q.request_id desc limit least(greatest(coalesce($2::int, 50), 1), 500))
		union all
		(select c.request_id from reportd.report_config c
		where not c.request_kept and c.request_id < coalesce($1::bigint, 9223372036854775807)
			and ($3::text is null or c.config_id in (select r.config_id from report r))
		order by c.request_id desc limit least(greatest(coalesce($2::int, 50), 1), 500))) u
	order by request_id desc limit least(greatest(coalesce($2::int, 50), 1), 500)
)
select json_build_object(
	'items', coalesce(json_agg(to_jsonb(v) || jsonb_build_object('owner', v.owner::text)
		order by v.request_id desc), '[]'),
	'next', case when count(*) = least(greatest(coalesce($2::int, 50), 1), 500)
		then min(v.request_id) end)
from reportd.v_requests v where v.request_id = any (array(select id.request_id from id))
