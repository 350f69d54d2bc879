-- SPDX-License-Identifier: MIT
-- The rows that the CSV of a month must have, computed by PostgreSQL alone.
-- psql variable: month, its first day
select client_id, client_name, currency, count(*) as transactions, sum(amount) as total,
	max(booked_at at time zone 'UTC')::date as last_booked
from reportflow.client
join reportflow.transactions using (client_id)
where to_char(booked_at at time zone 'UTC', 'YYYY-MM') = to_char(:'month'::date, 'YYYY-MM')
group by client_id, client_name, currency
order by client_id, currency
