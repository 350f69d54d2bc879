-- SPDX-License-Identifier: MIT
-- One upgrade at a time, until the end of the transaction. The key is "reportctl"
-- without its vowels in ASCII. No parameters.
select pg_catalog.pg_advisory_xact_lock(32211784226272364)
