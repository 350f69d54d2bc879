-- SPDX-License-Identifier: MIT
-- Sales of the shops, and the plan: the files are made from them, and the reports
-- are compared with it. The same rows each time.
create table plan (
	region text not null,
	month date not null,
	planned numeric(12, 2) not null, -- for each day of the month
	primary key (region, month)
);

create table sale (
	sale_id bigint primary key,
	sold_on date not null,
	region text not null,
	product text not null,
	units int not null,
	amount numeric(12, 2) not null
);

insert into plan
select region, month::date, 4000 + 500 * n + 100 * extract(month from month)
from unnest('{North,South,East,West}'::text[]) with ordinality r (region, n)
cross join generate_series(date '2026-01-01', date '2035-12-01', interval '1 month') month;
