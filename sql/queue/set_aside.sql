-- SPDX-License-Identifier: MIT
-- After a claim that failed as a whole: due reports that cannot be handed to a
-- worker end FAILED, alone. $1 worker_id uuid, $2 the daemon's sources text[], $3 where
-- the last call ended jsonb, null: it begins
-- One row: how many, and where it ended (null: it has seen all).
select a.ended, a.place from reportd.set_aside($1, $2, $3) a
