-- SPDX-License-Identifier: MIT
-- Stores the daemon's sources, targets and default output path after a reload, which may
-- have changed them.
-- $1 worker_id uuid, $2 sources text[], $3 their types text[], $4 the default
-- output path text, $5 folders that it lists text[], $6 targets text[], $7 their types text[]
with known as (
	insert into reportd.report_source (source, type)
	select * from unnest($2::text[], $3::text[])
	on conflict (source) do update set type = excluded.type, seen_at = now()
), known_targets as (
	insert into reportd.report_target (target, type)
	select * from unnest($6::text[], $7::text[])
	on conflict (target) do update set type = excluded.type, seen_at = now()
)
update reportd.report_worker w set sources = $2, output = $4, folders = $5, targets = $6
where w.worker_id = $1 and (w.sources, w.output, w.folders, w.targets)
	is distinct from ($2::text[], $4, $5::text[], $6::text[])
