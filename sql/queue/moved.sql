-- SPDX-License-Identifier: MIT
-- Records the result for files that were to be moved. $1 results jsonb: [{"file_id",
-- "over": whether nothing is left to do, "moved_to", "error"}] One row, for the number of
-- files.
select reportd.record_moves($1::jsonb) as files
