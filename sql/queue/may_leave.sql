-- SPDX-License-Identifier: MIT
-- Asks whether a daemon that has nothing to do may end. $1 worker_id uuid. One row: boolean.
select reportd.scale_may_leave($1)
