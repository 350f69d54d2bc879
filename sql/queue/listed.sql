-- SPDX-License-Identifier: MIT
-- Records a page of a listing, or why it failed.
-- $1 worker_id uuid, $2 zone_id bigint, $3 listing_number bigint
-- $4 files jsonb: [{"url", "version", "size", "modified": ms, "fault"}]
-- $5 names that were looked at bigint, $6 whether more pages follow boolean
-- $7 error text or null, $8 most names in one listing bigint
-- $9 ms until the next listing, $10 ms for which the next page may be awaited
-- One row: whether the listing goes on.
select reportd.take_page($1, $2::bigint, $3::bigint, $4::jsonb, $5::bigint, $6::boolean,
	$7, $8::bigint, $9::bigint * interval '1 millisecond',
	$10::bigint * interval '1 millisecond') as more
