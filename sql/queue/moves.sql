-- SPDX-License-Identifier: MIT
-- Takes files that are to be moved; they come again after ten minutes, or when this
-- daemon is gone, unless what became of them is recorded before.
-- $1 worker_id uuid. One row: an array of {"file_id", "url", "version", "size", "to",
-- "otherwise", "reason"}, or null.
select reportd.claim_moves($1) as files
