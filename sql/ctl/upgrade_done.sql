-- SPDX-License-Identifier: MIT
-- Records an upgrade that was applied in this transaction.
-- $1 version int, $2 name text
insert into reportd.schema_upgrade (version, name) values ($1, $2)
