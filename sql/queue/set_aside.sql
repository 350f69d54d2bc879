-- SPDX-License-Identifier: MIT
-- Ends, after a claim that failed as a whole, each due report that cannot be handed to a
-- worker as FAILED, so that the others can be claimed. $1 worker_id uuid, $2 the daemon's
-- sources text[], $3 the place where the last call ended jsonb, null: the first call
-- One row: how many reports were ended, and where the call ended (null: all are seen).
select a.ended, a.place from reportd.set_aside($1, $2, $3) a
