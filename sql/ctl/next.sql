-- SPDX-License-Identifier: MIT
-- The next times of a cron expression.
-- $1 cron expression, $2 time zone, $3 number of times int, $4 timestamptz after which
-- they are, or null for now
-- One row: json [{"at", "local", "utc_offset", "seconds"}]; seconds from now.
select coalesce(json_agg(q), '[]') from (
	select n.at, to_char(n.local, 'Dy YYYY-MM-DD HH24:MI:SS') as local,
		case when n.utc_offset < interval '0' then '-' else '+' end
			|| to_char(greatest(n.utc_offset, -n.utc_offset), 'HH24:MI') as utc_offset,
		round(extract(epoch from n.at - now())::numeric) as seconds
	from (
		select t as at, t at time zone $2 as local,
			(t at time zone $2) - (t at time zone 'UTC') as utc_offset
		from reportd.next_runs($1, reportd.check_time_zone($2),
			coalesce($4::timestamptz, now()), $3::int) t
	) n
) q
