-- SPDX-License-Identifier: MIT
-- Forgets a source that no daemon has. $1 its name. One row, null.
select reportd.forget_source($1)
