-- SPDX-License-Identifier: MIT
-- Waits until no other transaction works the ledger. First in its transaction: LOCK takes no
-- snapshot, so the statements after it see what the others have committed.
-- :"schema" its schema.
lock :"schema".reportd_load
