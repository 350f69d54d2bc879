-- SPDX-License-Identifier: MIT
-- After a claim that failed as a whole: due reports that cannot be handed to a
-- worker end FAILED, alone. $1 worker_id uuid, $2 the daemon's sources text[]
-- One row: how many.
select reportd.set_aside($1, $2) as ended
