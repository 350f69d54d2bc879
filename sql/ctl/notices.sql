-- SPDX-License-Identifier: MIT
-- Notices of one report, with times in its zone: first those that wait or have failed,
-- then those that were sent; the newest first in each group.
-- $1 config_id bigint, $2 limit int
-- One row: a json array.
with zone as materialized (
	-- Sets the time zone in which this transaction writes times.
	select set_config('TimeZone', c.time_zone, true) as name
	from reportd.report_config c where c.config_id = $1::bigint
		and exists (select from pg_timezone_names z where z.name = c.time_zone)
)
select coalesce(json_agg(q), '[]') from (
	select n.notification_id, n.run_id, n.event, n.channel, n.recipient, n.state,
		n.attempts, n.due_at, n.created_at, n.sent_at, n.last_error
	from (select max(name) from zone) z
	cross join reportd.v_notifications n
	where n.run_id in (
		select r.run_id from reportd.report_run r
		where r.config_id = $1::bigint
		order by r.run_id desc
		limit 50)
	order by n.state = 'SENT', n.notification_id desc
	limit $2::int
) q
