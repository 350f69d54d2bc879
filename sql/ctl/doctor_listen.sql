-- SPDX-License-Identifier: MIT
-- Together with doctor_notify: do notifications arrive? No parameters.
listen reportd_doctor
