-- SPDX-License-Identifier: MIT
-- Returns local patterns of files that some report waits for, in the folders of this
-- daemon, 500 at most: one for each folder, so that the daemon learns of changes in all
-- of them. Owners take turns. $1 worker_id uuid. One row: an array of texts, or null.
select reportd.watched_paths($1) as paths
