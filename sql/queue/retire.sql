-- SPDX-License-Identifier: MIT
-- Removes a daemon that ends in order. $1 worker_id uuid
delete from reportd.report_worker where worker_id = $1
