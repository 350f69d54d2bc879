-- SPDX-License-Identifier: MIT
-- Counts what there is to do, and decides. $1 holder uuid or null, $2 tasks that start
-- int, $3 that run int, $4 that have begun to run lately int, $5 per_task int, $6 most
-- int. One row: jsonb, null when the holder has lost its turn.
select reportd.scale_plan($1, $2, $3, $4, $5, $6)
