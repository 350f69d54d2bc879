-- SPDX-License-Identifier: MIT
-- Handles reports that wait for others: opens requests of AFTER reports, releases requests
-- whose conditions are met, and ends requests that have waited too long; each call does a
-- part of that. It is sent when the tick says that there is something to do, and apart
-- from the tick, because a heartbeat must not wait for it.
-- $1 worker_id uuid
-- One row: how many requests may run now, how many ended, whether to call again at once.
select s.released, s.ended, s.more from reportd.take_steps($1) s
