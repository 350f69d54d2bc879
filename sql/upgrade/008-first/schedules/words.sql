-- SPDX-License-Identifier: MIT
-- Schedules in words. They are made from the sets of times that a schedule has, and not from its
-- text, so that 0-23 and * are said alike.

-- The values of a mask, from low to high.
create function reportd.cron_values(mask bigint, low int, high int) returns int[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select array(select v from generate_series(low, high) v where (mask >> v) & 1 = 1 order by v)
$$;

-- Writes values by their names, three or more in a row as a range: 1,5-8. names[1] is that of 1.
create function reportd.cron_names(given int[], names text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select string_agg(case hi - lo when 0 then names[lo] when 1 then names[lo] || ',' || names[hi]
		else names[lo] || '-' || names[hi] end, ',' order by lo)
	from (select min(v) as lo, max(v) as hi from (
			select v, v - row_number() over (order by v) as island from unnest(given) v) i
		group by island) r
$$;

-- The step of values that are evenly apart; null: they are not, or there are fewer than three.
create function reportd.cron_step(given int[]) returns int
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select case when count(*) >= 2 and min(d) = max(d) then min(d)::int end
	from (select given[i + 1] - given[i] as d from generate_series(1, cardinality(given) - 1) i) s
$$;

create function reportd.clock_text(hour int, minute int) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select to_char($1, 'FM00') || ':' || to_char($2, 'FM00')
$$;

-- The times of a day: clock: single ones, such as 06:00,18:00; often: such as "every 15 min".
create function reportd.words_of_times(c reportd.cron, out clock text, out often text)
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	m int[] := reportd.cron_values(c.minutes, 0, 59);
	h int[] := reportd.cron_values(c.hours, 0, 23);
	first int := h[1];
	last int := h[cardinality(h)];
	in_a_row boolean := last - first + 1 = cardinality(h);
	whole_day boolean := cardinality(h) = 24;
	step int := reportd.cron_step(h);
	every int := 60 / cardinality(m);
begin
	-- From minute 0 on, evenly to the end of the hour.
	if cardinality(m) > 1 and in_a_row and every * cardinality(m) = 60
		and m = array(select generate_series(0, 59, every)) then
		often := case every when 1 then 'every min' else format('every %s min', every) end
			|| case when whole_day then '' else format(' %s-%s', reportd.clock_text(first, 0),
				reportd.clock_text(last, 60 - every)) end;
	elsif whole_day and cardinality(m) <= 6 then
		often := 'hourly ' || (select string_agg(':' || to_char(v, 'FM00'), ',' order by v)
			from unnest(m) v);
	elsif cardinality(m) = 1 and step > 1 and first < step and step * cardinality(h) = 24 then
		often := format('every %s h', step) || case when first + m[1] > 0
			then ' from ' || reportd.clock_text(first, m[1]) else '' end;
	elsif cardinality(m) = 1 and cardinality(h) >= 4 and step is not null then
		often := format('%s %s-%s', case step when 1 then 'hourly' else format('every %s h', step) end,
			reportd.clock_text(first, m[1]), reportd.clock_text(last, m[1]));
	elsif cardinality(m) * cardinality(h) <= 6 then
		clock := (select string_agg(reportd.clock_text(a, b), ',' order by a, b)
			from unnest(h) a cross join unnest(m) b);
	end if;
end $$;

-- The days of the month; null: no words are short enough.
create function reportd.words_of_days(c reportd.cron) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	d int[] := reportd.cron_values(c.days, 1, 31);
	names text := reportd.cron_names(d, array(select generate_series(1, 31)::text));
	ends boolean := c.days & 1 = 1;
begin
	return case
		when d = '{}' then 'last day'
		when not ends and d = array(select generate_series(1, 31, 2)) then 'odd days'
		when not ends and d = array(select generate_series(2, 31, 2)) then 'even days'
		when cardinality(string_to_array(names, ',')) > 6 then null
		else case when cardinality(d) > 1 then 'days ' else 'day ' end || names
			|| case when ends then ' and last' else '' end end;
end $$;

-- The days of the week, Monday first: plain ones, then such as "2nd Tue" and "last Fri".
create function reportd.words_of_weekdays(c reportd.cron) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	names constant text[] := '{Mon,Tue,Wed,Thu,Fri,Sat,Sun}';
	five_weeks constant bigint := 1 | (1 << 7) | (1 << 14) | (1 << 21) | (1 << 28);
	plain int[] := array(select d from generate_series(1, 7) d
		where c.weekdays & (five_weeks << (d % 7)) = five_weeks << (d % 7));
	nth text[] := array(select (array['1st', '2nd', '3rd', '4th', '5th', 'last'])[n + 1] || ' ' || names[d]
		from generate_series(1, 7) d cross join generate_series(0, 5) n
		where (c.weekdays >> (7 * n + d % 7)) & 1 = 1 and d <> all (plain)
		order by n, d);
begin
	return case when cardinality(nth) <= 4
		then array_to_string(reportd.cron_names(plain, names) || nth, ',') end;
end $$;

create function reportd.schedule_words(expression text) returns text
language plpgsql stable strict security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.cron;
	times record;
	months int[];
	names text;
	any_day boolean;
	any_weekday boolean;
	days text;
	said text;
begin
	-- Not in the declarations, whose errors the handler below does not see.
	c := reportd.cron_parse(expression);
	times := reportd.words_of_times(c);
	months := reportd.cron_values(c.months, 1, 12);
	names := reportd.cron_names(months, '{Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec}');
	any_day := cardinality(reportd.cron_values(c.days, 1, 31)) = 31;
	any_weekday := cardinality(reportd.cron_values(c.weekdays, 0, 34)) = 35;
	-- With either_day one of both is enough, so all of the one make the other mean nothing.
	days := case
		when any_day and any_weekday or c.either_day and (any_day or any_weekday) then 'daily'
		when any_weekday then reportd.words_of_days(c)
		when any_day then reportd.words_of_weekdays(c)
		when c.either_day then reportd.words_of_days(c) || ' or ' || reportd.words_of_weekdays(c)
		end;
	said := case
		when cardinality(months) = 12 and days = 'daily'
			then coalesce('daily ' || times.clock, times.often)
		when cardinality(months) = 1 and days ~ '^day [0-9]+$'
			then names || substr(days, 4) || ', ' || coalesce(times.clock, times.often)
		when cardinality(months) < 12
			then days || ' in ' || names || ', ' || coalesce(times.clock, times.often)
		when days ~ 'day' then days || ', ' || coalesce(times.clock, times.often)
		else days || ' ' || coalesce(times.clock, times.often) end;
	return case when length(said) <= 40 then said else regexp_replace(btrim(expression), '\s+', ' ', 'g') end;
-- A stored expression may be older than a rule; it does not stop the list of all reports.
exception when invalid_parameter_value then
	return expression;
end $$;
comment on function reportd.schedule_words is
	'A schedule in words, such as "Mon-Fri 06:00"; the expression itself where they would be long, or where it is no schedule.';
