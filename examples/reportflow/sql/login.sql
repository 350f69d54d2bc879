-- SPDX-License-Identifier: MIT
-- The login that reads and prepares, whose name is in the secret. Beside report_output it only reads.
create role report_reader login;
grant usage on schema reportflow to report_reader;
grant select on reportflow.client, reportflow.transactions to report_reader;
grant select, insert, delete on reportflow.report_output to report_reader;
