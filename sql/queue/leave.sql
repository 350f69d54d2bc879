-- SPDX-License-Identifier: MIT
-- Asks whether a daemon that has nothing to do may end; if so, it counts as gone for
-- whoever decides how many daemons there should be. $1 worker_id uuid. One row: boolean.
select reportd.scale_leave($1)
