-- SPDX-License-Identifier: MIT
-- Makes a source known. $1 its name, $2 its type. One row, null.
select reportd.register_source($1, $2)
