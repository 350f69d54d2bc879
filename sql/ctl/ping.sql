-- SPDX-License-Identifier: MIT
-- Tests whether a source answers. No parameters.
select 1 as one
