-- SPDX-License-Identifier: MIT
-- As publish.sql, for runs of which some have read up to a horizon, or have had their source
-- unload. The horizon is written with the run before the run may publish: if the run's end is
-- never recorded, the next attempt reads the same rows again, no more and no less. Once the
-- manifest of an unload may be visible, its readers need the objects: they are no leftovers
-- any more, whatever becomes of the run.
-- $1 worker_id uuid, $2 run_ids bigint[], $3 horizons jsonb: [{"run_id", "horizon"}]
-- A row for each run that may publish: run_id.
with asked as materialized (
	select * from jsonb_to_recordset($3::jsonb) as h(run_id bigint, horizon timestamptz)
), fixed as (
	update reportd.report_run r
	set horizon = coalesce((select a.horizon from asked a where a.run_id = r.run_id), r.horizon),
		leftovers = nullif(
			jsonb_path_query_array(r.leftovers, '$[*] ? (!exists(@.unload))'), '[]')
	-- A row that somebody has locked belongs to a report that is being deleted or given
	-- away: such a run may not publish.
	where r.run_id = any (array(
			select k.run_id from reportd.report_run k
			where k.run_id = any ($2::bigint[])
				and (k.run_id in (select b.run_id from asked b)
					or k.leftovers @? '$[*].unload')
			for update skip locked))
		and r.worker_id = $1 and r.status = 'PROCESSING'
	returning r.run_id
)
select r.run_id
from reportd.report_run r
where r.run_id = any ($2::bigint[]) and r.worker_id = $1
	and (select c.status = 'PROCESSING' and not c.cancel_requested
		from reportd.report_config c
		where c.config_id = r.config_id and c.run_id = r.run_id)
	and (r.run_id <> all (array(select a.run_id from asked a))
			and r.leftovers @? '$[*].unload' is not true
		or r.run_id in (select f.run_id from fixed f))
