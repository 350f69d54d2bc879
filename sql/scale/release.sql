-- SPDX-License-Identifier: MIT
-- Gives the turn back. $1 holder uuid, $2 answered boolean.
select reportd.scale_release($1, $2)
