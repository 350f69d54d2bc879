-- SPDX-License-Identifier: MIT
-- Deletes old runs, at most a thousand in a call and the oldest first (run_ids rise
-- with time), together with their notices and finished ADHOC reports; also old ended
-- requests, and ADHOC reports that were cancelled before they had a run. Rows that
-- another session has locked are left for the next call, because this call must not
-- delay the heartbeat.
-- $1 retention in ms. One row: how many runs, reports without a run and requests.
with old as (
	select r.run_id, r.config_id, r.started_at, r.status
	from reportd.report_run r order by r.run_id limit 1000
	for update skip locked
), gone as (
	delete from reportd.report_run r using old o
	where r.run_id = o.run_id and o.status <> 'PROCESSING'
		and o.started_at < now() - $1::bigint * interval '1 millisecond'
	returning r.run_id, r.config_id
), notices as (
	delete from reportd.report_notification n
	where n.notification_id = any (array(
		select k.notification_id from reportd.report_notification k
		where k.run_id = any (array(select g.run_id from gone g))
		for update skip locked))
), reports as (
	delete from reportd.report_config c
	where c.config_id = any (array(
		select k.config_id from gone g
		cross join lateral (
			select r.config_id from reportd.report_config r
			where r.config_id = g.config_id and r.run_id = g.run_id
				and r.trigger_type = 'ADHOC' and not r.requests_wait
				and not r.has_children
				and r.status in ('COMPLETED', 'FAILED', 'CANCELLED')
			for update skip locked) k))
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
), requests as (
	-- The newest COMPLETED request of each report stays, and so do requests on which
	-- others that have not ended depend.
	delete from reportd.report_request q
	where q.request_id = any (array(
		select k.request_id from reportd.report_request k
		where k.state = 'ENDED' and not k.newest
			and k.ended_at < now() - $1::bigint * interval '1 millisecond'
			and not exists (select from reportd.report_request w
				where w.root = coalesce(k.root, k.request_id) and w.state <> 'ENDED')
		order by k.ended_at limit 1000
		for update skip locked))
	returning q.request_id
)
select (select count(*) from gone) + (select count(*) from without_run)
	+ (select count(*) from requests) as purged
