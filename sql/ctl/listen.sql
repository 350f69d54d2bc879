-- SPDX-License-Identifier: MIT
-- Listens for the notifications of reports that end, see finish.sql. No parameters.
listen reportd_done
