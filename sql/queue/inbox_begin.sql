-- SPDX-License-Identifier: MIT
-- Takes a turn at the inbox of the settings, if one is due.
-- $1 worker_id uuid, $2 inbox text: SOURCE:TABLE, $3 its owner text, $4 columns text[] that its
-- rows set, $5 ms between two readings, $6 ms between two write-backs, $7 ms for which nobody
-- else takes a turn
-- One row: what is to be done, or when to ask again, see reportd.inbox_begin().
select reportd.inbox_begin($1, $2, $3, $4::text[], $5::bigint * interval '1 millisecond',
	$6::bigint * interval '1 millisecond', $7::bigint * interval '1 millisecond') as next
