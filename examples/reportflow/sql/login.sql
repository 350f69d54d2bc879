-- SPDX-License-Identifier: MIT
-- The login that reads and prepares, whose name is in the secret. It may write to report_output,
-- and only read all else.
create role report_reader login;
grant usage on schema reportflow to report_reader;
grant select on reportflow.client, reportflow.transactions to report_reader;
grant select, insert, delete on reportflow.report_output to report_reader;
