-- SPDX-License-Identifier: MIT
-- Registers a daemon at its start: inserts a row with a new identity, and makes its
-- sources and targets known, so that reports may name them. One row: worker_id.
-- $1 host text, $2 pid int, $3 version text, $4 workers int, $5 lease in ms,
-- $6 sources text[], $7 their types text[], $8 the default output path of its
-- settings text, $9 folders that it lists text[], $10 targets text[], $11 their types text[]
with known as (
	insert into reportd.report_source (source, type)
	select * from unnest($6::text[], $7::text[])
	on conflict (source) do update set type = excluded.type, seen_at = now()
), known_targets as (
	insert into reportd.report_target (target, type)
	select * from unnest($10::text[], $11::text[])
	on conflict (target) do update set type = excluded.type, seen_at = now()
)
insert into reportd.report_worker
	(host, pid, version, workers, lease, sources, output, folders, targets)
values ($1, $2, $3, $4, $5::bigint * interval '1 millisecond', $6, $8, $9, $10)
returning worker_id
