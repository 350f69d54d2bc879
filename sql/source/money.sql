-- SPDX-License-Identifier: MIT
-- How this session shows money, by its lc_monetary: the digits after the point,
-- and 19 digits, which is all that money has, above and below zero.
with look as (
	select pg_catalog.length(pg_catalog.regexp_replace(
		0::pg_catalog.int4::pg_catalog.money::pg_catalog.text, '[^0-9]', '', 'g')) - 1 as scale)
select scale, units::pg_catalog.money::pg_catalog.text as positive,
	(-units)::pg_catalog.money::pg_catalog.text as negative
from look, cast(pg_catalog.power(10::pg_catalog.numeric, 18 - scale) as pg_catalog.int8) as units
