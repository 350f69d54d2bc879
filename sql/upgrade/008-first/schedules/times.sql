-- SPDX-License-Identifier: MIT
-- The times that a cron expression names, in a zone with its clock changes.

-- Returns the days, of the month that begins at `first`, that the expression allows, as a mask of
-- bits 1 to 31.
create function reportd.cron_days(cron reportd.cron, first date) returns bigint
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
	last constant int := (first + interval '1 month')::date - first;
	all_days constant bigint := (2::bigint << last) - 2;
	by_date constant bigint := (cron.days | ((cron.days & 1) << last)) & all_days;
	five_weeks constant bigint := 1 | (1 << 7) | (1 << 14) | (1 << 21) | (1 << 28);
	weekday int := date_part('dow', first);
	by_weekday bigint := 0;
begin
	for day in 1..7 loop
		by_weekday := by_weekday | (((cron.weekdays >> weekday) & five_weeks) << day)
			| (((cron.weekdays >> (weekday + 35)) & 1) << (day + (last - day) / 7 * 7));
		weekday := (weekday + 1) % 7;
	end loop;
	return all_days
		& case when cron.either_day then by_date | by_weekday else by_date & by_weekday end;
end
$$;

-- The matching day nearest to start, itself included, forward (step 1) or back (-1); null: none in
-- 40 years, the longest time that a 29 February can take to fall on a given weekday again.
create function reportd.cron_day(cron reportd.cron, start date, step int) returns date
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
	month int := date_part('year', start)::int * 12 + date_part('month', start)::int - 1;
	day int := date_part('day', start);
	first date;
begin
	for i in 0..480 loop
		if (cron.months >> (month % 12 + 1)) & 1 = 1 then
			first := make_date(month / 12, month % 12 + 1, 1);
			day := reportd.cron_bit(reportd.cron_days(cron, first), day, step);
			if day is not null then
				return first + (day - 1);
			end if;
		end if;
		month := month + step;
		day := case step when 1 then 1 else 31 end;
	end loop;
	return null;
end
$$;

-- The first matching minute of the wall clock after wall (step 1), or the last one up to wall (-1).
create function reportd.cron_wall(cron reportd.cron, wall timestamp, step int) returns timestamp
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
	start constant timestamp
		:= date_trunc('minute', wall) + make_interval(mins => greatest(step, 0));
	edge constant int := case step when 1 then 0 else 59 end;
	day date := reportd.cron_day(cron, start::date, step);
	hour int;
	minute int;
begin
	if day = start::date then
		hour := date_part('hour', start);
		if (cron.hours >> hour) & 1 = 1 then
			minute := reportd.cron_bit(cron.minutes, date_part('minute', start)::int, step);
		end if;
		if minute is null then
			hour := reportd.cron_bit(cron.hours, hour + step, step);
		end if;
		if hour is null then
			day := reportd.cron_day(cron, day + step, step);
		end if;
	end if;
	return day + make_interval(
		hours => coalesce(hour, reportd.cron_bit(cron.hours, edge, step)),
		mins => coalesce(minute, reportd.cron_bit(cron.minutes, edge, step)));
end
$$;

-- The instant of the last clock change (of the UTC offset) in the 36 hours up to at; null: none. No
-- zone has changed twice in that time. Intervals are in seconds here and below, as days would be
-- those of the session's time zone.
create function reportd.cron_turn(zone text, at timestamptz) returns timestamptz
language plpgsql stable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
	clock constant timestamp := at at time zone zone;
	since timestamptz := at;
	earlier timestamptz := at - interval '131072 seconds';
begin
	if clock - (earlier at time zone zone) = interval '131072 seconds' then
		return null;
	end if;
	-- back from at in halving steps, while the offset is the same
	for i in reverse 16..0 loop
		earlier := since - make_interval(secs => 1 << i);
		if clock - (earlier at time zone zone) = at - earlier then
			since := earlier;
		end if;
	end loop;
	return date_trunc('second', since);
end
$$;

-- The first instant at which the wall clock shows wall or, where it leaps over wall, what follows.
create function reportd.cron_first(zone text, wall timestamp) returns timestamptz
language plpgsql stable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
	-- a time shown twice is taken for the second one, one leapt over for what it would have been
	instant constant timestamptz := wall at time zone zone;
	turn constant timestamptz := reportd.cron_turn(zone, instant);
	before constant timestamp := (turn - interval '1 microsecond') at time zone zone;
begin
	if instant at time zone zone <> wall then
		return turn;
	elsif wall <= before then
		return turn - make_interval(secs => date_part('epoch', before - wall) + 0.000001);
	end if;
	return instant;
end
$$;

-- Like cron_wall, without the minutes that the clock leaps over.
create function reportd.cron_shown(cron reportd.cron, zone text, wall timestamp, step int)
returns timestamp
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
	give_up constant timestamp := wall + step * interval '40 years';
	shown timestamp := wall;
	instant timestamptz;
	turn timestamptz;
begin
	while shown between least(wall, give_up) and greatest(wall, give_up) loop
		shown := reportd.cron_wall(cron, shown, step);
		instant := shown at time zone zone;
		if instant at time zone zone = shown then
			return shown;
		end if;
		-- go on at the far side of the leap
		turn := reportd.cron_turn(zone, instant);
		shown := case step
			when 1 then turn at time zone zone - interval '1 microsecond'
			else (turn - interval '1 microsecond') at time zone zone
		end;
	end loop;
	return null;
end
$$;

-- The first fire time after at (step 1), or the last one up to at (-1); null: none in 40 years.
--
-- Clock changes, as in Vixie cron. A job with fixed times runs when the clock first reaches one of
-- them: one in the gap of spring runs right after the gap (once, however many of them lie in it),
-- one in the overlap of autumn runs in the first pass. A job whose minute or hour starts with *
-- runs whenever the clock shows one of its times: never in the gap, in both passes of the overlap.
-- Unlike cron's, the gap may be of any length: where a zone leaves out a day (Pacific/Apia), the
-- fixed times of that day are not lost.
create function reportd.cron_fire(cron reportd.cron, zone text, at timestamptz, step int)
returns timestamptz
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
	wall timestamp;
	high timestamp;	-- the most that the clock has shown up to at
	low timestamp;	-- the least that it will show from at on
	first timestamp;
	last timestamp;
begin
	if not isfinite(at) then
		return null;
	end if;
	wall := at at time zone zone;
	high := greatest(wall,
		(reportd.cron_turn(zone, at) - interval '1 microsecond') at time zone zone);
	if not cron.real_time then
		return reportd.cron_first(zone, reportd.cron_wall(cron, high, step));
	end if;

	low := wall;
	if wall at time zone zone > at then
		low := reportd.cron_turn(zone, wall at time zone zone) at time zone zone
			- interval '1 microsecond';
	end if;
	-- the times not yet shown are those above high, the times still to be shown those above low
	first := reportd.cron_shown(cron, zone, high, step);
	last := case low when high then first else reportd.cron_shown(cron, zone, low, step) end;
	return case step
		when 1 then least(reportd.cron_first(zone, first), last at time zone zone)
		else greatest(reportd.cron_first(zone, first), last at time zone zone)
	end;
end
$$;

create function reportd.next_run(expression text, time_zone text, after timestamptz)
returns timestamptz
language plpgsql stable strict parallel safe security definer set search_path = pg_catalog, pg_temp
as $$
begin
	return reportd.cron_fire(
		reportd.cron_parse(expression), reportd.cron_zone(time_zone), after, 1);
end
$$;
comment on function reportd.next_run(text, text, timestamptz) is
	'the first time after the given one at which a cron expression fires; null: none in 40 years';

create function reportd.prev_run(expression text, time_zone text, at timestamptz)
returns timestamptz
language plpgsql stable strict parallel safe security definer set search_path = pg_catalog, pg_temp
as $$
begin
	return reportd.cron_fire(
		reportd.cron_parse(expression), reportd.cron_zone(time_zone), at, -1);
end
$$;
comment on function reportd.prev_run(text, text, timestamptz) is
	'the last time up to the given one at which a cron expression fires; null: none in 40 years';

create function reportd.next_runs(expression text, time_zone text, after timestamptz, count int)
returns setof timestamptz
language plpgsql stable strict parallel unsafe rows 10 security definer set search_path = pg_catalog, pg_temp
as $$
declare
	cron constant reportd.cron := reportd.cron_parse(expression);
	zone constant text := reportd.check_time_zone(time_zone);
	fire timestamptz := after;
begin
	if count > 1000 then
		raise exception using
			errcode = 'invalid_parameter_value',
			message = format('count is %s; at most 1000 times are shown', count),
			hint = 'Ask for the rest with the last of them as "after".';
	end if;
	for i in 1..count loop
		fire := reportd.cron_fire(cron, zone, fire, 1);
		exit when fire is null;
		return next fire;
	end loop;
end
$$;
comment on function reportd.next_runs(text, text, timestamptz, int) is
	'the first count times, 1000 at most, after the given one at which a cron expression fires';
