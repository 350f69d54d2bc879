-- SPDX-License-Identifier: MIT
-- The inboxes, by name. No parameters; one row: a json array. untold: changes that wait to be
-- written back; why: what stands in the way, or what is to be known.
select coalesce(json_agg(q), '[]') from (
	select v.inbox, v.owner::text, v.read_at, v.told_at, v.next_at, v.taken, v.refused, v.told,
		v.untold, v.untold_since, v.aside, v.error, v.remark,
		concat_ws('; ', v.error, v.remark, case when v.aside > 0 then
			format('rows that cannot be written back: %s', v.aside) end) as why
	from reportd.v_inboxes v
	order by v.inbox) q
