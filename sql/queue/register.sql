-- SPDX-License-Identifier: MIT
-- A daemon's boot: a row with a fresh identity.
-- $1 host text, $2 pid int, $3 version text, $4 workers int, $5 lease in ms
insert into reportd.report_worker (host, pid, version, workers, lease)
values ($1, $2, $3, $4, $5::bigint * interval '1 millisecond')
returning worker_id
