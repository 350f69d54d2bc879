-- SPDX-License-Identifier: MIT
-- The state of an inbox in the queue. $1 SOURCE:TABLE text, $2 owner text, $3 columns text[]
-- One row: {"fault", "mighty": the owner is an operator, "read_at", "told_at", "untold",
-- "remark", "error"}
select jsonb_build_object('fault', reportd.inbox_fault($2, $3::text[]),
	'mighty', coalesce(pg_has_role(to_regrole(quote_ident($2)), 'reportd_operator', 'USAGE'), false),
	'read_at', to_char(v.read_at, 'YYYY-MM-DD HH24:MI:SS TZ'),
	'told_at', to_char(v.told_at, 'YYYY-MM-DD HH24:MI:SS TZ'),
	'untold', v.untold, 'remark', v.remark, 'error', v.error)
from (values ($1)) i(inbox) left join reportd.v_inboxes v using (inbox)
