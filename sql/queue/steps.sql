-- SPDX-License-Identifier: MIT
-- Reports that wait for others: opens requests of AFTER reports, releases what is
-- satisfied, ends what has waited too long; some of it in one call. Sent when the tick
-- says that there is something, apart from it: a heartbeat must not wait for this.
-- $1 worker_id uuid
-- One row: how many requests may run now, how many ended, whether to call again at once.
select s.released, s.ended, s.more from reportd.take_steps($1) s
