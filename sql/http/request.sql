-- SPDX-License-Identifier: MIT
-- One request. $1 request_id. One row: an object; no row: there is none.
select to_jsonb(v) || jsonb_build_object('owner', v.owner::text)
from reportd.v_requests v
where v.request_id = case when $1 ~ '^[0-9]{1,18}$' then $1::bigint end
