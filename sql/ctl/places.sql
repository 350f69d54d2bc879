-- SPDX-License-Identifier: MIT
-- The listings for the inputs of reports.
-- $1 config_id bigint or null for all, $2 limit int
-- One row: a json array. `report` is the key or the ID.
select coalesce(json_agg(q), '[]') from (
	select z.config_id, z.report_key, coalesce(z.report_key, z.config_id::text) as report,
		z.input, z.path, z.listed_at, z.files, z.list_at, z.error, z.error_at
	from reportd.v_zones z
	where $1::bigint is null or z.config_id = $1
	order by z.config_id, z.input
	limit $2::int
) q
