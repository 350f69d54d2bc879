-- SPDX-License-Identifier: MIT
-- In the queue: one role owns all reports of the inbox, and has no other rights.
create role sales_inbox;
grant reportd_submitter to sales_inbox;
select reportd.register_source('warehouse', 'snowflake');
select reportd.grant_source('warehouse', 'sales_inbox');
select reportd.grant_path('sales/', 'sales_inbox');

-- The login of the HTTP server, and the role of the only token.
create role reportd_http login noinherit;
grant sales_inbox to reportd_http;
