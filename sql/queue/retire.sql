-- SPDX-License-Identifier: MIT
-- A daemon's orderly end. $1 worker_id uuid
delete from reportd.report_worker where worker_id = $1
