-- SPDX-License-Identifier: MIT
-- Takes zones of files that are to be listed: those of which nobody waits for the files
-- are left, and local ones that lie in no folder of this daemon.
-- $1 worker_id uuid, $2 wanted int, $3 ms for which a page may be awaited, $4 held
-- bigint[]: the zones whose listings the daemon has in hand
-- A row for each: zone_id, path, listing_number, readable: the prefixes of URLs that a
-- redirect may lead to, null: any.
select z.zone_id, z.path, z.listing_number, z.readable
from reportd.claim_zones($1, $2::int, $3::bigint * interval '1 millisecond', $4) z
