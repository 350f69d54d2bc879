-- SPDX-License-Identifier: MIT
-- Forgets a target that no daemon has, and its grants. $1 its name. One row, null.
select reportd.forget_target($1)
