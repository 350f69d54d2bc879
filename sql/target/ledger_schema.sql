-- SPDX-License-Identifier: MIT
-- Makes the schema of the ledger. :"schema" its name.
create schema if not exists :"schema"
