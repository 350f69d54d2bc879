-- SPDX-License-Identifier: MIT
-- One run with its outputs, checks and notices. $1 run_id. One row: an object; no row: there is
-- none.
select to_jsonb(r) - 'leftovers' || jsonb_build_object(
	'seconds', round(extract(epoch from coalesce(r.finished_at, now()) - r.started_at)::numeric, 3),
	'checks', (select coalesce(jsonb_agg(to_jsonb(k) - '{run_id,config_id,owner,position}'::text[]
			order by k.position), '[]')
		from reportd.report_check k where k.run_id = r.run_id),
	'notices', (select coalesce(jsonb_agg(jsonb_build_object(
			'notification_id', n.notification_id, 'event', n.event, 'channel', n.channel,
			'recipient', n.recipient, 'state', n.state, 'attempts', n.attempts,
			'last_error', n.last_error) order by n.notification_id), '[]')
		from reportd.v_notifications n where n.run_id = r.run_id))
from reportd.report_run r
where r.run_id = case when $1 ~ '^[0-9]{1,18}$' then $1::bigint end
