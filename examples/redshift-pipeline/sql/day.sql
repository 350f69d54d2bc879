-- SPDX-License-Identifier: MIT
-- The sales of a day: each day has a seed of its own.
-- psql variable: day
select setseed(('x' || left(md5(:'day'), 7))::bit(28)::int / 268435456.0) \g /dev/null
insert into sale
select to_char(:'day'::date, 'YYYYMMDD')::bigint * 1000 + i, :'day',
	(array['North', 'South', 'East', 'West'])[1 + floor(random() * 4)],
	(array['tea', 'coffee', 'cake "Vienna"', 'rolls, six'])[1 + floor(random() * 4)],
	units, units * (3 + floor(random() * 900)::int / 100.0)
from (select i, 1 + floor(random() * 12)::int as units from generate_series(1, 400) i) s;
