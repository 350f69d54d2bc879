-- SPDX-License-Identifier: MIT
-- Local patterns of files that somebody waits for, in the folders of this daemon, 500 at
-- most: one for each folder, so that it is told of all of them. Owners take turns.
-- $1 worker_id uuid. One row: an array of texts, or null.
select reportd.watched_paths($1) as paths
