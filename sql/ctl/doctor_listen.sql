-- SPDX-License-Identifier: MIT
-- Listens for the notification of doctor_notify.sql, which tests that notifications
-- arrive. No parameters.
listen reportd_doctor
