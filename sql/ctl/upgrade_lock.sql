-- SPDX-License-Identifier: MIT
-- Excludes other upgrades until the end of the transaction; readers are not blocked.
-- No parameters.
lock table reportd.schema_upgrade in share row exclusive mode
