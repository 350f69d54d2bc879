-- SPDX-License-Identifier: MIT
-- Takes the turn to decide how many daemons there are. $1 holder uuid, $2 per_task int,
-- $3 most int. One row: boolean.
select reportd.scale_take($1, $2, $3)
