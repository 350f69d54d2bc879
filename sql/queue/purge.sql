-- SPDX-License-Identifier: MIT
-- Deletes old runs, at most a thousand in a call and the oldest first (run_ids rise
-- with time), together with their notices and finished ADHOC reports; also old ended
-- requests, and ADHOC reports that were cancelled before they had a run. Only rows that
-- are deleted are locked. A run whose report or notice another session has locked stays
-- whole for a later call, because this call must not delay the heartbeat.
-- $1 retention in ms. $2 look at runs with a higher run_id. One row: how many runs,
-- reports without a run, requests and files; and $2 of the next call.
with look as materialized (
	-- Bounds what is read when many of the oldest runs are locked or not old enough.
	select count(*) as runs, max(w.run_id) as last from (
		select k.run_id from reportd.report_run k
		where k.run_id > $2::bigint order by k.run_id limit 10000) w
), old as materialized (
	select r.run_id, r.config_id
	from reportd.report_run r
	-- Runs that cannot be deleted now take up no place among the thousand.
	left join lateral (
		select count(*) - count(l.config_id) as held from reportd.report_config c
		left join lateral (
			select k.config_id from reportd.report_config k
			where k.config_id = c.config_id for update skip locked) l on true
		where c.config_id = r.config_id and c.run_id = r.run_id and c.trigger_type = 'ADHOC'
		) report on true
	left join lateral (
		select count(*) - count(l.notification_id) as held from reportd.report_notification n
		left join lateral (
			select k.notification_id from reportd.report_notification k
			where k.notification_id = n.notification_id for update skip locked) l on true
		where n.run_id = r.run_id) notice on true
	where r.run_id > $2::bigint and r.run_id <= (select l.last from look l)
		and r.status <> 'PROCESSING'
		and r.started_at < now() - $1::bigint * interval '1 millisecond'
		and report.held = 0 and notice.held = 0
	order by r.run_id limit 1000
	for update of r skip locked
), report as materialized (
	select o.run_id, c.config_id, l.config_id is not null as free
	from old o
	join reportd.report_config c on c.config_id = o.config_id and c.run_id = o.run_id
	left join lateral (
		select k.config_id from reportd.report_config k
		where k.config_id = c.config_id and k.run_id = o.run_id
			and k.status in ('COMPLETED', 'FAILED', 'CANCELLED')
		for update skip locked) l on true
	where c.trigger_type = 'ADHOC' and not c.requests_wait and not c.has_children
		and c.status in ('COMPLETED', 'FAILED', 'CANCELLED')
), notice as materialized (
	select n.run_id, n.notification_id, l.notification_id is not null as free
	from reportd.report_notification n
	left join lateral (
		select k.notification_id from reportd.report_notification k
		where k.notification_id = n.notification_id
		for update skip locked) l on true
	where n.run_id = any (array(select o.run_id from old o))
), whole as materialized (
	select o.run_id from old o
	except select r.run_id from report r where not r.free
	except select n.run_id from notice n where not n.free
), gone as (
	delete from reportd.report_run r
	where r.run_id = any (array(select w.run_id from whole w))
	returning r.run_id
), notices as (
	delete from reportd.report_notification n
	where n.notification_id = any (array(
		select k.notification_id from notice k join whole w using (run_id)))
), checks as (
	delete from reportd.report_check k
	where k.run_id = any (array(select w.run_id from whole w))
), reports as (
	delete from reportd.report_config c
	where c.config_id = any (array(
		select k.config_id from report k join whole w using (run_id)))
), without_run as (
	delete from reportd.report_config c
	where c.config_id = any (array(
		select k.config_id from reportd.report_config k
		where k.trigger_type = 'ADHOC' and k.status = 'CANCELLED' and not k.has_children
			and k.updated_timestamp < now() - $1::bigint * interval '1 millisecond'
			and not exists (select from reportd.report_run r
				where r.run_id = k.run_id)
		order by k.updated_timestamp limit 1000
		for update skip locked))
	returning c.config_id
), in_hand as materialized (
	-- Requests that wait for other reports, or did and have not ended.
	select w.scheduled_for, w.satisfied_by from reportd.report_request w
	where w.state <> 'ENDED' and w.deadline is not null
), requests as (
	-- Requests that have ended are deleted after $1 ms, but for these: the newest COMPLETED
	-- request of each report; while another request has not ended, those that began with the
	-- same request (root) and those that it has waited for (satisfied_by); and those that a
	-- request which waits may still follow. A newer request of the same report takes the
	-- place of one of the last kind when it stands for a later time, and no request that
	-- waits stands for an earlier time than that.
	delete from reportd.report_request q
	where q.request_id = any (array(
		select k.request_id from reportd.report_request k
		where k.state = 'ENDED' and not k.newest
			and k.ended_at < now() - $1::bigint * interval '1 millisecond'
			and not exists (select from reportd.report_request w
				where w.root = coalesce(k.root, k.request_id) and w.state <> 'ENDED')
			and (k.opens is null or exists (select from reportd.report_request n
				where n.config_id = k.config_id and n.opens is not null
					and n.scheduled_for > k.scheduled_for
					and n.scheduled_for <= (
						select coalesce(min(h.scheduled_for), 'infinity') from in_hand h)))
			and k.request_id not in (
				select v.value::bigint from in_hand h cross join jsonb_each_text(h.satisfied_by) v)
		order by k.ended_at limit 1000
		for update skip locked))
	returning q.request_id
), files as (
	-- Files of inputs that are over, and that listings have not found for that long.
	delete from reportd.report_input i
	where i.file_id = any (array(
		select k.file_id from reportd.report_input k
		left join reportd.report_input_use u on (u.config_id, u.input) = (k.config_id, k.input)
		left join reportd.report_zone z on z.zone_id = u.zone_id
		where k.state in ('DONE', 'FAILED', 'GONE') and k.move_at is null
			and k.seen_at < now() - $1::bigint * interval '1 millisecond' - interval '2 hours'
			and (u.config_id is null
				or z.listed_at > k.seen_at + $1::bigint * interval '1 millisecond' + interval '2 hours')
		order by k.seen_at limit 1000
		for update of k skip locked))
	returning i.file_id
)
select (select count(*) from gone) + (select count(*) from without_run)
	+ (select count(*) from requests) + (select count(*) from files) as purged,
	-- Runs that stay although they are old are passed by, until one is met that is not old.
	case when l.runs < 10000 or r.started_at >= now() - $1::bigint * interval '1 millisecond'
		then 0
		when (select count(*) from gone) < 1000 then l.last
		else $2::bigint
	end as next
from look l left join reportd.report_run r on r.run_id = l.last
