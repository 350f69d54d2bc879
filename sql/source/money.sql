-- SPDX-License-Identifier: MIT
-- Shows how this session writes money, by its lc_monetary. No parameters; one row: scale,
-- the number of digits after the point; positive and negative, texts of an amount with 19
-- digits, the most that money has, above and below zero.
with look as (
	select pg_catalog.length(pg_catalog.regexp_replace(
		0::pg_catalog.int4::pg_catalog.money::pg_catalog.text, '[^0-9]', '', 'g')) - 1 as scale)
select scale, units::pg_catalog.money::pg_catalog.text as positive,
	(-units)::pg_catalog.money::pg_catalog.text as negative
from look, cast(pg_catalog.power(10::pg_catalog.numeric, 18 - scale) as pg_catalog.int8) as units
