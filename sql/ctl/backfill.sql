-- SPDX-License-Identifier: MIT
-- Asks for a run for each scheduled time. $1 config_id bigint, $2 from timestamptz,
-- $3 to timestamptz. One row: a json array of request_ids.
select coalesce(json_agg(q), '[]') from reportd.backfill($1, $2, $3) q
