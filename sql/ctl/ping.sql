-- SPDX-License-Identifier: MIT
-- Whether a source answers. No parameters.
select 1 as one
