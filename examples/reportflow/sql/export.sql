-- SPDX-License-Identifier: MIT
-- The CSV.
select client_id, client_name, currency, transactions, total, last_booked
from reportflow.report_output
where run_id = :'run_id'
order by client_id, currency
