-- SPDX-License-Identifier: MIT
-- Everything about a report. $1 config_id or report_key. One row: an object; no row: there
-- is none. The URL of a Slack webhook is a secret: whoever has it can post.
select to_jsonb(c) - '{request_kept,requests_wait,has_children}'::text[]
	|| jsonb_build_object(
		'next_run_time', case when c.is_active then c.next_run_time end,
		'due_at', nullif(c.due_at, 'infinity'),
		'timeout', c.timeout::text, 'wait_timeout', c.wait_timeout::text,
		'notify_on_completion', (select jsonb_agg(case reportd.notice_channel(u)
				when 'slack' then 'slack:' || reportd.notice_shown(u) || '/…' else u end)
			from unnest(c.notify_on_completion) u),
		'notify_on_failure', (select jsonb_agg(case reportd.notice_channel(u)
				when 'slack' then 'slack:' || reportd.notice_shown(u) || '/…' else u end)
			from unnest(c.notify_on_failure) u),
		'followed_by', case when c.has_children then (
			select jsonb_agg(k.config_id order by k.config_id)
			from reportd.report_config k where c.report_key = any (k.run_after)) end,
		'why', reportd.why(c.config_id))
from reportd.report_config c
where c.config_id = case when $1 ~ '^[0-9]{1,18}$' then $1::bigint end or c.report_key = $1
