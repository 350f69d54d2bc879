-- SPDX-License-Identifier: MIT
-- The targets that reports may name, and the daemons that have them. No parameters;
-- one row: a json array. waiting: reports that are due for the target.
select coalesce(json_agg(t), '[]') from reportd.v_targets t
