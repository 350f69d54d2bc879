-- SPDX-License-Identifier: MIT
-- Has the zones listed soon that new objects may belong to.
-- $1 objects jsonb: an array of s3:// addresses. One row: how many
-- are not, because another transaction holds them.
select reportd.wake_objects($1::jsonb) as held
