-- SPDX-License-Identifier: MIT
--
-- Cron expressions, evaluated in the database: its clock and its zone data are the only ones.
--
-- Syntax: five fields (minute, hour, day of month, month, day of week). Each is *, a value, a range
-- 1-5, a step */15 or 8-18/2, or a list of these. JAN-DEC and SUN-SAT in any case; 0 and 7 are
-- Sunday, which may end a range (FRI-SUN). L in day of month is the last day; in day of week, 5L is
-- the last Friday and 1#2 the second Monday. @yearly @annually @monthly @weekly @daily @midnight
-- @hourly. A step needs a range: 5/10, which is 5 to Vixie cron and 5-59/10 to others, is refused,
-- as in cronie.
--
-- Days: where day of month and day of week are both restricted, either one is enough; where one
-- starts with * (*/2 does), both must match.
--
-- Clock changes: see cron_fire.

-- The schema itself is made by sql/roles.sql.

-- Bit n of a mask stands for the value n. days: bit 0 is L. weekdays: bit 7 * (n - 1) + d is the
-- n-th weekday d of a month, bit 35 + d the last one; a plain weekday is its five n-th ones.
create type reportd.cron as (
	minutes bigint,
	hours bigint,
	days bigint,
	months bigint,
	weekdays bigint,
	either_day boolean,	-- day of month or day of week is enough
	real_time boolean	-- minute or hour starts with *: follows real time over clock changes
);

-- The set bit nearest to start, itself included, upward (step 1) or downward (-1); null: none.
create function reportd.cron_bit(mask bigint, start int, step int) returns int
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
	select nullif(64 - position(B'1' in (case step
		when 1 then (mask & (-1::bigint << start)) & -(mask & (-1::bigint << start))
		else mask & ((1::bigint << (start + 1)) - 1)
	end)::bit(64)), 64)
$$;

-- Returns the value of a number, or of a name in `names` (three letters each; the first name stands
-- for `base`); null: it is neither.
create function reportd.cron_value(word text, names text, base int) returns int
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
	select case
		when length(word) between 1 and 9 and ltrim(word, '0123456789') = '' then word::int
		when length(word) = 3 and strpos(names, upper(word collate "C")) % 3 = 1
			then strpos(names, upper(word collate "C")) / 3 + base
	end
$$;

-- Refuses an item of a field, with what is allowed and what to write instead. first and last are
-- the values that could be read in it.
create function reportd.cron_refuse(
	expression text, field int, spec text, item text, first int, last int
) returns void
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
	low constant int := (array[0, 0, 1, 1, 0])[field];
	high constant int := (array[59, 23, 31, 12, 7])[field];
	problem text := 'is not understood';
	advice text := 'Write *, a value, a range such as 1-5, a step such as */2 or 2-10/2, or a list '
		'of these such as 1,3,8-10.';
begin
	if item = '' then
		item := spec;
		problem := 'has an empty item';
		advice := 'Remove the comma that has no value beside it.';
	elsif item = '?' then
		advice := 'Write * for any value.';
	elsif least(first, last) < low or greatest(first, last) > high then
		problem := 'is out of range';
		advice := format('Write values from %s to %s.', low, high);
	elsif first > last then
		problem := 'runs backwards';
		advice := regexp_replace(item, '^(\w+)-(\w+)(.*)$',
			format('Write it in two parts: \1-%s\3,%s-\2\3.', high, low));
	elsif field = 5 and item ~ '^\w+#' then
		problem := 'has a wrong number of the week';
		advice := 'Write 1 to 5 after #.';
	elsif item ~ '^\w+/[0-9]+$' and first is not null then
		problem := 'has a step but no range';
		advice := format('Write %s.', replace(item, '/', format('-%s/', high)));
	elsif item ~ '^[^/]+/[0-9]+$' and first is not null then
		problem := format('has a step that is not 1 to %s', (array[60, 24, 31, 12, 7])[field]);
		advice := 'Steps count within a field; longer ones belong in the next field: every two '
			'hours is "0 */2 * * *".';
	end if;
	raise exception using
		errcode = 'invalid_parameter_value',
		message = format('cron expression "%s": %s "%s" %s; allowed are %s', expression,
			(array['minute', 'hour', 'day of month', 'month', 'day of week'])[field], item, problem,
			(array['0 to 59', '0 to 23', '1 to 31 and L (the last day)', '1 to 12 and JAN to DEC',
				'0 to 7 (0 and 7 are Sunday), SUN to SAT, 5L (the last Friday) and 1#2 (the second '
				'Monday)'])[field]),
		hint = advice;
end
$$;

-- The mask of one field.
create function reportd.cron_field(expression text, field int, spec text) returns bigint
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
	low constant int := (array[0, 0, 1, 1, 0])[field];
	high constant int := (array[59, 23, 31, 12, 7])[field];
	steps constant int := (array[60, 24, 31, 12, 7])[field];
	names constant text := (array['', '', '',
		'JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC', 'SUNMONTUEWEDTHUFRISAT'])[field];
	five_weeks constant bigint := 1 | (1 << 7) | (1 << 14) | (1 << 21) | (1 << 28);
	mask bigint := 0;
	special bigint := 0;	-- L, 5L, 1#2
	item text;
	suffix text;	-- L or #n of a weekday
	part text[];	-- range, step
	ends text[];	-- of the range
	first int;
	last int;
	step int;
begin
	foreach item in array string_to_array(spec, ',') loop
		-- split rather than matched: a regular expression with captures takes ten times as long
		suffix := case field
			when 5 then coalesce(substring(item from '[Ll]$|#[1-5]$'), '') else '' end;
		part := string_to_array(left(item, length(item) - length(suffix)), '/');
		ends := case part[1] when '*' then array[low, high]::text[]
			else string_to_array(part[1], '-') end;
		first := reportd.cron_value(ends[1], names, low);
		last := reportd.cron_value(ends[cardinality(ends)], names, low);
		step := case cardinality(part) when 1 then 1 else reportd.cron_value(part[2], '', 0) end;
		if field = 5 and last = 0 and first > 0 then
			last := 7;
		end if;

		if field = 3 and item in ('L', 'l') then
			special := 1;
		elsif first between low and last and last <= high and step between 1 and steps
			and cardinality(part) <= cardinality(ends) and cardinality(ends) <= 2
			and (suffix = '' or cardinality(ends) = 1)
		then
			if suffix <> '' then
				special := special | (1::bigint << (first % 7
					+ case when suffix like '#%' then 7 * right(suffix, 1)::int - 7 else 35 end));
			elsif step = 1 then
				mask := mask | ((2::bigint << last) - (1::bigint << first));
			else
				for value in first..last by step loop
					mask := mask | (1::bigint << value);
				end loop;
			end if;
		else
			perform reportd.cron_refuse(expression, field, spec, item, first, last);
		end if;
	end loop;
	if field = 5 then
		mask := ((mask | (mask >> 7)) & 127) * five_weeks;
	end if;
	return mask | special;
end
$$;

-- A zone is a place of the IANA database, or UTC. PostgreSQL takes more: names with a digit are
-- offsets, whose sign is that of POSIX (Etc/GMT+3 and UTC+3 are west of Greenwich, EST5EDT has the
-- rules of one country); abbreviations (CET is +1 in summer, too); and what only the server's host
-- decides: localtime, its placeholder, and its copies of the database.
create function reportd.cron_zone(time_zone text) returns text
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
	if time_zone ~* '^((right|posix)/|(localtime|posixrules|Factory)$)' or time_zone ~ '[0-9]'
		or time_zone !~ '/' and time_zone !~* '^(UTC|GMT|UCT|Zulu)$' and exists (
			select from pg_catalog.pg_timezone_abbrevs where abbrev = upper(time_zone collate "C"))
	then
		raise exception using
			errcode = 'invalid_parameter_value',
			message = format('time zone "%s" is an offset, an abbreviation or a setting of a host, '
				'not a place', time_zone),
			hint = 'Write a name of pg_timezone_names such as Europe/Berlin, or UTC.'
				|| case when time_zone ~ '\+[0-9]'
					then ' A + there is west of Greenwich, as in POSIX.' else '' end;
	end if;
	return time_zone;
end
$$;

-- For users and for the rest of the schema.

create function reportd.cron_parse(expression text) returns reportd.cron
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp
as $$
declare
	spec text[];
	cron reportd.cron;
begin
	if octet_length(expression) > 200 then
		raise exception using
			errcode = 'invalid_parameter_value',
			message = format('the cron expression has %s bytes; at most 200 are taken',
				octet_length(expression)),
			hint = 'Half past six from Monday to Friday is "30 6 * * 1-5".';
	end if;
	spec := regexp_split_to_array(btrim(expression, E' \t\r\n'), '\s+');
	if spec[1] like '@%' then
		spec := string_to_array(case lower(array_to_string(spec, ' ') collate "C")
			when '@yearly' then '0 0 1 1 *'
			when '@annually' then '0 0 1 1 *'
			when '@monthly' then '0 0 1 * *'
			when '@weekly' then '0 0 * * 0'
			when '@daily' then '0 0 * * *'
			when '@midnight' then '0 0 * * *'
			when '@hourly' then '0 * * * *'
		end, ' ');
	end if;
	if spec is null then
		raise exception using
			errcode = 'invalid_parameter_value',
			message = format('cron expression "%s" is not known; allowed with @ are @yearly, '
				'@annually, @monthly, @weekly, @daily, @midnight and @hourly', expression),
			hint = case when expression ~* '@reboot'
				then 'For a report that runs once, as soon as possible, leave the schedule out.'
				else 'For other times write five fields, such as "*/5 * * * *".' end;
	elsif cardinality(spec) <> 5 then
		raise exception using
			errcode = 'invalid_parameter_value',
			message = format('cron expression "%s" has %s; it needs 5: minute, hour, day of '
				'month, month and day of week', expression,
				reportd.counted(cardinality(array_remove(spec, '')), 'field')),
			hint = case when cardinality(spec) > 5 then 'Leave out seconds and years. ' else '' end
				|| 'Half past six from Monday to Friday is "30 6 * * 1-5".';
	end if;

	cron.minutes := reportd.cron_field(expression, 1, spec[1]);
	cron.hours := reportd.cron_field(expression, 2, spec[2]);
	cron.days := reportd.cron_field(expression, 3, spec[3]);
	cron.months := reportd.cron_field(expression, 4, spec[4]);
	cron.weekdays := reportd.cron_field(expression, 5, spec[5]);
	cron.either_day := spec[3] not like '*%' and spec[5] not like '*%';
	cron.real_time := spec[1] like '*%' or spec[2] like '*%';

	-- A day 1, or a weekday alone, always occurs. Elsewhere try 40 years from a leap year.
	if not cron.either_day and spec[3] <> '*' and (spec[5] <> '*' or cron.days & 2 = 0)
		and reportd.cron_day(cron, '2000-01-01', 1) is null
	then
		raise exception using
			errcode = 'invalid_parameter_value',
			message = format('cron expression "%s" never occurs: month "%s" has no day of month '
				'"%s"%s', expression, spec[4], spec[3],
				case when spec[5] <> '*' then format(' that is day of week "%s"', spec[5]) end),
			hint = 'The last day of a month is L, as in "0 0 L 2 *". Where one of the two day '
				'fields starts with *, both must match.';
	end if;
	return cron;
end
$$;
comment on function reportd.cron_parse(text) is
	'the sets of a cron expression; a wrong one is refused with what to write instead';

create function reportd.check_time_zone(time_zone text) returns text
language plpgsql stable strict parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
begin
	perform reportd.cron_zone(time_zone);
	begin
		perform now() at time zone time_zone;
	exception when invalid_parameter_value then
		raise exception using
			errcode = 'invalid_parameter_value',
			message = format('time zone "%s" is not known', time_zone),
			hint = 'Write a name of pg_timezone_names such as Europe/Berlin, or UTC.';
	end;
	return time_zone;
end
$$;
comment on function reportd.check_time_zone(text) is
	'the name of an IANA time zone; anything else is refused with what to write instead';
