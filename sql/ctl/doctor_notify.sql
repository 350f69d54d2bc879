-- SPDX-License-Identifier: MIT
-- Sends the notification that doctor_listen.sql waits for. $1 a unique text.
select pg_catalog.pg_notify('reportd_doctor', $1)
