-- SPDX-License-Identifier: MIT
-- Records what a worker has done in a turn of an inbox.
-- $1 worker_id uuid, $2 inbox text, $3 turn bigint, $4 its answer jsonb, $5 whether the
-- daemon ends boolean, $6 ms for which nobody else takes a turn, $7 ms of retention, 0: for ever
-- One row: what is to be done next, or null: the turn has ended, see reportd.inbox_step().
select reportd.inbox_step($1, $2, $3::bigint, $4::jsonb, $5::boolean,
	$6::bigint * interval '1 millisecond', $7::bigint * interval '1 millisecond') as next
