-- SPDX-License-Identifier: MIT
-- The sources that reports may name, and the daemons that have them. No parameters;
-- one row: a json array. waiting: reports that are due for the source.
select coalesce(json_agg(s), '[]') from reportd.v_sources s
