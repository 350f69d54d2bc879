-- SPDX-License-Identifier: MIT
-- The options of outputs and the checks of their values. The list of options is data, see
-- formats.sql; rules that a table cannot express are functions here.

-- Formats and the options that they know; the rows follow in formats.sql.
create table reportd.output_format (
	format text primary key,
	alias_of text references reportd.output_format,
	extension text not null,
	one_section boolean not null,
	options jsonb not null check (jsonb_typeof(options) = 'array')
);
comment on table reportd.output_format is
	'The formats that output_format may name. options: [{"option", "type", "allowed", "about", "inside"}]; inside: the same again, for what an object or array holds.';
comment on column reportd.output_format.one_section is
	'It holds the result of one statement: several make several files.';

create function reportd.option_range_error(allowed text, value numeric) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select value < split_part(allowed, '..', 1)::numeric
		or value > split_part(allowed, '..', 2)::numeric
$$;

-- The three functions below say what is wrong, in the words of common/base/option.c;
-- null: nothing. Each element of `known` is a row of output_format's options.
create function reportd.option_value_error(path text, rule jsonb, value jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	type text := rule ->> 'type';
	allowed text := rule ->> 'allowed';
	number boolean := jsonb_typeof(value) = 'number';
	element jsonb;
	i int := 0;
	wrong text;
begin
	if (type = 'integer' and (not number or value::text !~ '^-?[0-9]+$'))
		or (type <> 'integer' and jsonb_typeof(value) <> type) then
		return format('output_options: "%s" must be %s %s', path,
			case when type ~ '^[aeiou]' then 'an' else 'a' end, type);
	elsif number and allowed is not null
		and reportd.option_range_error(allowed, value::numeric) then
		return format('output_options: "%s" must be within %s', path, allowed);
	elsif allowed = '1..' and value in ('""', '[]') then
		return format('output_options: "%s" must not be empty', path);
	elsif starts_with(allowed, '~') and (value #>> '{}') !~ substr(allowed, 2) then
		return format('output_options: "%s" cannot be "%s"; it is %s', path,
			value #>> '{}', rule ->> 'about');
	elsif not number and allowed !~ '^(~|1\.\.)'
		and (value #>> '{}') <> all (string_to_array(allowed, '|')) then
		return format('output_options: "%s" must be one of %s', path, allowed);
	elsif rule ->> 'option' = 'format' and type = 'string' then
		wrong := reportd.format_code_error(value #>> '{}');
		if wrong is not null then
			return format('output_options: "%s": format "%s": %s', path, value #>> '{}', wrong);
		end if;
	elsif type = 'object' and rule ? 'inside' then
		return reportd.option_keys_error(path, format('"%s"', path), rule -> 'inside', value);
	elsif type = 'array' and rule ? 'inside' then
		for element in select * from jsonb_array_elements(value) loop
			wrong := reportd.option_value_error(
				format('%s[%s]', path, i), rule -> 'inside' -> 0, element);
			if wrong is not null then
				return wrong;
			end if;
			i := i + 1;
		end loop;
	end if;
	return null;
end $$;

create function reportd.option_keys_error(path text, owner text, known jsonb, object jsonb)
returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	key text;
	value jsonb;
	rule jsonb;
	wrong text;
begin
	for key, value in select * from jsonb_each(object) loop
		rule := (select r from jsonb_array_elements(known) r
			where r ->> 'option' in (key, '*') limit 1);
		if rule is null then
			return format('output_options: %s has no option "%s"; known: %s', owner, key,
				(select string_agg(r.value ->> 'option', ', ' order by r.ordinality)
				 from jsonb_array_elements(known) with ordinality r));
		elsif key = '' then
			return format('output_options: %s has an entry without a name', owner);
		end if;
		wrong := reportd.option_value_error(
			case when path = '' then key else path || '.' || key end, rule, value);
		if wrong is not null then
			return wrong;
		end if;
	end loop;
	return null;
end $$;

-- Returns the part of an object, and of the objects in it, that these rules know.
create function reportd.option_known(known jsonb, object jsonb) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	return coalesce(jsonb_object_agg(o.key,
			case when r.rule ->> 'type' = 'object' and r.rule ? 'inside'
				and jsonb_typeof(o.value) = 'object'
			then reportd.option_known(r.rule -> 'inside', o.value) else o.value end), '{}')
		from jsonb_each(object) o
		join jsonb_array_elements(known) r (rule) on r.rule ->> 'option' in (o.key, '*');
end $$;

-- When a report has several formats, an option stands either under the name of one
-- format, for that format alone, or outside, for all formats that know it: at least one
-- must know all of it, and the others take the part that they know.
create function reportd.option_list_error(formats reportd.output_format[], options jsonb)
returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	shared text[] := '{sections,max_rows,skip_if_empty,snapshot}'; -- as in common/export/option.c
	key text;
	value jsonb;
	f reportd.output_format;
	named text;
	part jsonb;
	known boolean; -- by a format
	sound boolean; -- for a format
	problem text;
	wrong text; -- for the last format that it is wrong for
	apart text; -- what one takes of it and cannot use
begin
	for key, value in select * from jsonb_each(options) loop
		named := (select coalesce(k.alias_of, k.format)
			from reportd.output_format k where k.format = key);
		select * into f from unnest(formats) k where k.format = named;
		if found then
			wrong := case when jsonb_typeof(value) <> 'object' then
				format('output_options: "%s" must be an object', key)
			when value ?| shared then
				format('output_options: "%s" is for all formats alike; put it beside "%s"',
					(select s from unnest(shared) s where value ? s limit 1), key)
			else f.format || ': ' || reportd.option_keys_error('', f.format, f.options, value)
			end;
			if wrong is not null then
				return wrong;
			end if;
			continue;
		end if;
		known := false;
		sound := false;
		apart := null;
		foreach f in array formats loop
			part := reportd.option_known(f.options, jsonb_build_object(key, value));
			continue when part = '{}';
			known := true;
			problem := reportd.option_keys_error(
				'', f.format, f.options, jsonb_build_object(key, value));
			sound := sound or problem is null;
			wrong := coalesce(problem, wrong);
			apart := coalesce(apart,
				f.format || ': ' || reportd.option_keys_error('', f.format, f.options, part));
		end loop;
		if not known then
			return format('output_options: none of the formats has an option "%s"', key);
		elsif not sound then
			return wrong;
		elsif apart is not null then
			return apart;
		end if;
	end loop;
	return null;
end $$;

create function reportd.check_csv_options(options jsonb) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if octet_length(options ->> 'delimiter') <> 1
		or options ->> 'delimiter' ~ '[\r\n"]' then
		perform reportd.refuse(
			'output_options: "delimiter" must be one single-byte character, no quote and no line break',
			'For example {"delimiter": ";"} or {"delimiter": "\t"}.');
	end if;
	if options ->> 'null' ~ '[\r\n"]'
		or strpos(options ->> 'null', coalesce(options ->> 'delimiter', ',')) > 0 then
		perform reportd.refuse(
			'output_options: "null" must not hold the delimiter, a quote or a line break',
			'For example {"null": "NULL"}.');
	end if;
	if options ->> 'encoding' is not null
		and reportd.encoding_name(options ->> 'encoding') is null then
		perform reportd.refuse(
			format('output_options: encoding "%s" cannot be written', options ->> 'encoding'),
			format('Write one of %s.', (select string_agg(k #>> '{}', ', ' order by k)
				from generate_series(0, 99) i
				cross join reportd.encoding_name(pg_encoding_to_char(i)) k
				where k is not null)));
	end if;
	if (options ->> 'bom')::boolean
		and reportd.encoding_name(options ->> 'encoding') <> '"UTF8"' then
		perform reportd.refuse(
			format('output_options: "bom" belongs to UTF8, not to %s', options ->> 'encoding'),
			'Leave out "bom" or "encoding".');
	end if;
	if (options ->> 'decimal_comma')::boolean
		and coalesce(options ->> 'delimiter', ',') = ',' then
		perform reportd.refuse(
			'output_options: "decimal_comma" needs a delimiter other than the comma',
			'Add {"delimiter": ";"}.');
	end if;
end $$;

-- Checks charts, in the words of common/encode/chart/chart.c.
create function reportd.check_chart_options(options jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	chart jsonb := options -> 'chart';
	count int := jsonb_array_length(chart -> 'values');
	twice text;
begin
	select v into twice from jsonb_array_elements_text(chart -> 'values') v
	group by v having count(*) > 1 limit 1;
	if not chart ?& '{category,values}' then
		perform reportd.refuse(
			'output_options: "chart" needs a "category", the name of a column, and "values", a list of such names',
			'For example {"chart": {"category": "month", "values": ["revenue"]}}.');
	elsif count > 1 and chart ->> 'type' = 'pie' then
		perform reportd.refuse(
			format('output_options: a pie has room for one column of "values", not for %s', count),
			'Name one column, or draw bars.');
	elsif twice is not null then
		perform reportd.refuse(
			format('output_options: "chart.values" has "%s" twice', twice),
			'Name each column once.');
	end if;
end $$;

-- Checks types of columns, in the words of common/encode/parquet/type.c.
create function reportd.check_parquet_options(options jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	digits text[] := regexp_match(options ->> 'decimal', '^([0-9]{1,2}),([0-9]{1,2})$');
begin
	if options ->> 'decimal' not in ('text', 'double') and (digits is null
		or digits[1]::int not between 1 and 38 or digits[2]::int > digits[1]::int) then
		perform reportd.refuse(
			format('output_options: "decimal" must be "text", "double" or "PRECISION,SCALE" with at most 38 digits, such as "38,20"; it is "%s"',
				options ->> 'decimal'),
			'PRECISION counts all digits, SCALE those after the point.');
	end if;
end $$;

-- Returns the options that hold for one of the formats.
create function reportd.options_of(
	f reportd.output_format, formats reportd.output_format[], options jsonb
) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
	select case when cardinality(formats) = 1 then options
		else options || coalesce((select o.value from jsonb_each(options) o
			join reportd.output_format k on k.format = o.key
			where coalesce(k.alias_of, k.format) = f.format limit 1), '{}') end
$$;

-- Returns the formats that output_format names, with aliases resolved.
create function reportd.formats_of(output_format text) returns reportd.output_format[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	formats reportd.output_format[];
	f reportd.output_format;
	name text;
begin
	foreach name in array coalesce(nullif(string_to_array(output_format, ','), '{}'), '{""}') loop
		select k.* into f from reportd.output_format a
		join reportd.output_format k on k.format = coalesce(a.alias_of, a.format)
		where a.format = name;
		if not found then
			perform reportd.refuse(
				format('unknown output_format "%s"', name),
				format('Known: %s; several are separated by commas.',
					(select string_agg(k.format, ', ' order by k.format)
					 from reportd.output_format k)));
		elsif f = any (formats) then
			perform reportd.refuse(
				format('output_format names %s twice', f.format),
				'Name each format once.');
		end if;
		formats := formats || f;
	end loop;
	return formats;
end $$;

create function reportd.check_options(formats reportd.output_format[], options jsonb)
returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	f reportd.output_format;
	own jsonb;
	wrong text;
begin
	if jsonb_typeof(options) <> 'object' then
		perform reportd.refuse(
			'output_options must be a JSON object',
			'For example {"delimiter": ";"}.');
	end if;
	wrong := case cardinality(formats)
		when 1 then reportd.option_keys_error(
			'', formats[1].format, formats[1].options, options)
		else reportd.option_list_error(formats, options) end;
	if wrong is not null then
		perform reportd.refuse(wrong,
			'See `reportctl formats`, or options in reportd.output_format.');
	end if;
	foreach f in array formats loop
		own := reportd.options_of(f, formats, options);
		if f.format = 'CSV' and cardinality(formats) > 1
			and reportd.encoding_name(own ->> 'encoding') = '"SQL_ASCII"' then
			perform reportd.refuse(
				'output_options: encoding SQL_ASCII passes bytes that other formats cannot take',
				'Make CSV the only format, or name the encoding of the bytes.');
		elsif f.format = 'CSV' then
			perform reportd.check_csv_options(own);
		elsif f.format = 'PARQUET' then
			perform reportd.check_parquet_options(own);
		elsif own ? 'chart' and exists (select from jsonb_array_elements(f.options) r
			where r ->> 'option' = 'chart') then
			perform reportd.check_chart_options(own);
		end if;
	end loop;
end $$;

-- Checks the options of places against the place that output_path names, in the words of
-- common/place/scheme.c.
create function reportd.check_place_options(options jsonb, path text) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if options ? 's3' and path !~ '^s3://' then
		perform reportd.refuse(
			'output_options: "s3" is for an output_path that begins with s3://',
			'Write the output_path as s3://bucket/key, or leave "s3" out.');
	elsif options ? 'file' and path ~ '^([A-Za-z0-9+.-]+://|table:)' and path !~ '^file:///' then
		perform reportd.refuse(
			'output_options: "file" is for an output_path that is a local file',
			'Write the output_path as a path below output_root, or leave "file" out.');
	end if;
	perform reportd.check_s3_options(options -> 's3');
end $$;

-- Checks those rules of the option "s3" that the list in formats.sql cannot express, in
-- the words of common/place/s3/option.c.
create function reportd.check_s3_options(s3 jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	bad text;
	size int;
begin
	if s3 ? 'kms_key' and coalesce(s3 ->> 'sse', '') !~ '^aws:kms' then
		perform reportd.refuse(
			'output_options: "s3.kms_key" needs "sse": "aws:kms"',
			'For example {"s3": {"sse": "aws:kms", "kms_key": "alias/reports"}}.');
	end if;
	select k into bad from jsonb_each_text(s3) as o(k, v) where v ~ '[\x01-\x1f\x7f]'
		and k not in ('tags', 'metadata') limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('output_options: "s3.%s" holds a control character', bad),
			'It becomes a header of one line.');
	end if;
	if (select count(*) from jsonb_object_keys(s3 -> 'tags')) > 10 then
		perform reportd.refuse(
			format('output_options: "s3.tags" has %s tags; S3 takes 10',
				(select count(*) from jsonb_object_keys(s3 -> 'tags'))),
			'Leave some out.');
	end if;
	if exists (select from jsonb_each_text(s3 -> 'tags') as t(k, v)
		where octet_length(k) not between 1 and 128 or octet_length(v) > 256) then
		perform reportd.refuse(
			'output_options: "s3.tags": a tag''s name has 1 to 128 bytes and its value at most 256',
			'Write shorter ones.');
	end if;
	select k into bad from jsonb_each_text(s3 -> 'tags') as t(k, v)
	where k || v ~ '[\x01-\x1f\x7f]' limit 1;
	if bad is not null then
		perform reportd.refuse(
			'output_options: "s3.tags" holds a control character',
			'A tag is one line of text.');
	end if;
	select k into bad from jsonb_object_keys(s3 -> 'metadata') k
	where k !~ '^[a-z0-9_-]+$' or k in
		('run-id', 'report', 'report-id', 'request-id', 'scheduled-for', 'rows', 'sha256') limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('output_options: "s3.metadata": "%s" cannot be a name: a-z, 0-9, - and _, and none of run-id, report, report-id, request-id, scheduled-for, rows, sha256', bad),
			'It becomes the header x-amz-meta-NAME.');
	end if;
	select sum(octet_length(k) + octet_length(v)) into size
	from jsonb_each_text(s3 -> 'metadata') as m(k, v);
	if size > 1024 then
		perform reportd.refuse(
			format('output_options: "s3.metadata" has %s bytes; at most 1024 go with an object', size),
			'Write less.');
	end if;
	if exists (select from jsonb_each_text(s3 -> 'metadata') as m(k, v)
		where v ~ '[\x01-\x1f\x7f]') then
		perform reportd.refuse(
			'output_options: "s3.metadata" holds a control character',
			'A value is one line of text.');
	end if;
end $$;
