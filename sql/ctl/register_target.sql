-- SPDX-License-Identifier: MIT
-- Makes a target known. $1 its name, $2 its type. One row, null.
select reportd.register_target($1, $2)
