-- SPDX-License-Identifier: MIT
-- Returns the runs among these that may make their output visible: the fence before a
-- publish. The worker_id is part of the fence, because after a fail-over to a server
-- that missed the last claims a run_id may have been given out twice.
-- $1 worker_id uuid, $2 run_ids bigint[]. A row for each such run: run_id.
with kept as (
	-- Once a manifest may be visible, its readers need the objects of the unload: they are
	-- no leftovers any more, whatever becomes of the run.
	update reportd.report_run r
	set leftovers = nullif(
		jsonb_path_query_array(r.leftovers, '$[*] ? (!exists(@.unload))'), '[]')
	where r.run_id = any (array(
			select k.run_id from reportd.report_run k
			where k.run_id = any ($2::bigint[]) and k.leftovers @? '$[*].unload'
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
	and (r.leftovers @? '$[*].unload' is not true or r.run_id in (select k.run_id from kept k))
