-- SPDX-License-Identifier: MIT
-- Has the zones listed soon in whose folders files have arrived.
-- $1 paths jsonb: an array of patterns. One row: how many are not, because another
-- transaction holds them.
select reportd.wake_paths($1::jsonb) as held
