-- SPDX-License-Identifier: MIT
-- In Redshift's SQL, one transaction: fills report_output with the month before the time that
-- the run stands for. Each run has rows of its own, which stay for a week.
delete from reportflow.report_output where prepared_at < getdate() - interval '7 days';

insert into reportflow.report_output (run_id, client_id, client_name, currency, transactions,
	total, last_booked, prepared_at)
select :'run_id'::bigint, c.client_id, c.client_name, t.currency, count(*), sum(t.amount),
	max(t.booked_at at time zone 'UTC')::date, getdate()
from reportflow.transactions t
join reportflow.client c on c.client_id = t.client_id
where t.booked_at >= date_trunc('month', :'scheduled_for'::date - 1)
	and t.booked_at < date_trunc('month', :'scheduled_for'::date)
group by c.client_id, c.client_name, t.currency;
