-- SPDX-License-Identifier: MIT
-- One upgrade at a time, until the end of the transaction; who only reads goes on.
-- No parameters.
lock table reportd.schema_upgrade in share row exclusive mode
