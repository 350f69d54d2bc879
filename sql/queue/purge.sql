-- SPDX-License-Identifier: MIT
-- Retention: forgets old runs a thousand at a time, oldest first (run_ids rise
-- with time), their notices and finished ADHOC reports with them; and those that
-- were cancelled before they had a run.
-- $1 retention in ms
with old as (
	select r.run_id, r.config_id, r.started_at, r.status
	from reportd.report_run r order by r.run_id limit 1000
), gone as (
	delete from reportd.report_run r using old o
	where r.run_id = o.run_id and o.status <> 'PROCESSING'
		and o.started_at < now() - $1::bigint * interval '1 millisecond'
	returning r.run_id, r.config_id
), notices as (
	delete from reportd.report_notification n
	where n.run_id = any (array(select g.run_id from gone g))
), reports as (
	delete from reportd.report_config c using gone g
	where c.config_id = g.config_id and c.run_id = g.run_id
		and c.trigger_type = 'ADHOC'
		and c.status in ('COMPLETED', 'FAILED', 'CANCELLED')
), without_run as (
	delete from reportd.report_config c
	where c.config_id = any (array(
		select k.config_id from reportd.report_config k
		where k.trigger_type = 'ADHOC' and k.status = 'CANCELLED'
			and k.updated_timestamp < now() - $1::bigint * interval '1 millisecond'
			and not exists (select from reportd.report_run r
				where r.run_id = k.run_id)
		order by k.updated_timestamp limit 1000
		for update skip locked))
	returning c.config_id
)
select (select count(*) from gone) + (select count(*) from without_run) as purged
