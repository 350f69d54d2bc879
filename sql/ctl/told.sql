-- SPDX-License-Identifier: MIT
-- The notices of one run and their states. $1 run_id bigint. One row: a json array;
-- untried: the first attempt to deliver it has not ended yet.
select coalesce(json_agg(q), '[]') from (
	select n.notification_id, n.event, n.channel, n.recipient, n.state, n.attempts, n.last_error,
		n.state = 'SENDING' or n.state = 'PENDING' and n.attempts = 0 as untried
	from reportd.v_notifications n
	where n.run_id = $1
	order by n.notification_id) q
