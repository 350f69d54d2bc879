-- SPDX-License-Identifier: MIT
-- Files that reports have met, the newest first.
-- $1 config_id bigint or null for all, $2 state or null for any, $3 limit int
-- One row: a json array. `report` is the key or the ID; `went` says why a file is not
-- taken or what went wrong, and where it was moved.
select coalesce(json_agg(q), '[]') from (
	select i.file_id, i.config_id, i.report_key,
		coalesce(i.report_key, i.config_id::text) as report, i.input, i.state, i.url, i.size,
		i.modified_at, i.found_at, i.request_id, i.reason, i.moved_to, i.move_error,
		concat_ws('; ', i.reason, coalesce('-> ' || i.moved_to, 'cannot be moved: ' || i.move_error))
			as went
	from reportd.v_inputs i
	where ($1::bigint is null or i.config_id = $1) and ($2::text is null or i.state = $2)
	order by i.file_id desc
	limit $3::int
) q
