-- SPDX-License-Identifier: MIT
-- News of reports that end, see finish.sql. No parameters.
listen reportd_done
