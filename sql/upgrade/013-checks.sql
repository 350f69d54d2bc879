-- SPDX-License-Identifier: MIT
-- A wrong row is refused by the INSERT itself, with a message that says what to
-- write instead.

create function reportd.refuse(message text, hint text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	raise exception using errcode = '22023', message = message, hint = hint;
end $$;

-- Who acts: the role that was set, or else the one that logged in. It is the same
-- within functions that run with their owner's rights.
create function reportd.acting_role() returns oid
language sql stable set search_path = pg_catalog, pg_temp as $$
	select to_regrole(quote_ident(case current_setting('role') when 'none'
		then session_user else current_setting('role') end))::oid
$$;

-- Formats and the options that they know; the rows follow in 014-formats.sql.
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

-- Why Excel could not read a number format code; null when it can. The same rules
-- as common/encode/table/format_code.c, which has the last word when the report runs.
create function reportd.format_code_error(code text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	english constant text := 'a code has a point for decimals and a comma for thousands '
		'whatever the reader''s language: #,##0.00; Excel shows those of its reader';
	letters constant text := 'a code has d m y h s for dates and times whatever the '
		'reader''s language, and other words in quotes';
	-- What is literal, or decides nothing: "…", \x, _x, *x, [Red], [>=1], [$€-407].
	plain text := regexp_replace(code, '"[^"]*"|[\\_*].|\[(black|blue|cyan|green|magenta|red|'
		'white|yellow|color ?([1-9]|[1-4][0-9]|5[0-6]))\]|\[(<=|<>|>=|<|=|>)[-+]?[0-9.]+(e[-+]?[0-9]+)?\]|'
		'\[\$[^]-]*(-[0-9a-fA-F]+)?\]', '', 'gi');
	section text;
	is_date boolean;
begin
	if length(code) > 255 then
		return 'it has 255 characters at most';
	elsif plain ~ '["\\_*]' then
		return 'a quote is never closed, or nothing follows the last character';
	elsif plain ~ ';.*;.*;.*;' then
		return 'it has four sections at most';
	elsif plain ~ '@.*;' then
		return '@ belongs into the last section';
	end if;
	foreach section in array string_to_array(plain, ';') loop
		-- Letters that belong together become one: H is a unit, E an exponent.
		section := regexp_replace(section, 'am/pm|a/p', 'h', 'gi');
		section := regexp_replace(section, 'general', '@', 'gi');
		section := regexp_replace(section, '\[(h+|m+|s+)\]', 'H', 'gi');
		section := regexp_replace(section, '([sSH])\.0{1,3}(?!0)', '\1', 'g');
		is_date := section ~* '[ymdhs]' or section ~* 'e(?![-+])';
		if section ~ '[][]' then
			return 'brackets hold a colour, a condition such as >=100, a currency such as '
				'$€-407, or h, m or s';
		elsif section ~* '[abcfgijklnopqrtuvwxz]' then
			return letters;
		elsif section ~ 'H.*H' then
			return 'one unit of a section can be in brackets';
		elsif (is_date or section ~ '@') and section ~ '[0#?]' or is_date and section ~ '@' then
			return 'digits, letters of dates, and General or @ do not go together';
		elsif regexp_replace(section, '(?<=[0#?])/[1-9][0-9]*', '') ~ '[`|1-9]' then
			return 'put literal text in quotes';
		elsif is_date then
			continue;
		elsif section ~ '^[^0#?]*,' then
			return 'a comma comes after a digit';
		elsif section ~ '\..*\.|\.[^,]*,+[0#?]|\.[0#?]*#0|[0#?,],0{1,2}(?![0#?,])' then
			return english;
		elsif section ~* 'e[-+]' and section !~* '^[^e]*[0#?][^e]*e[-+][0#?]+[^e0#?]*$' then
			return 'E+00 comes once, after the digits, and ends the number';
		elsif section ~ '[0#?]/[0-9#?]' and
			section !~ '^[^/.,%]*[0#?]/([1-9][0-9]{0,4}|[0#?]{1,5})(?![0-9#?])[^/]*$' then
			return 'a fraction is written as # ?/? or # ?/8';
		end if;
	end loop;
	return null;
end $$;

-- The three below say what is wrong, in the words of common/base/option.c, or
-- null. Each option of `known` is one of output_format's.
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

-- Of several formats: an option is for one of them, under its name, or for all
-- that know it.
create function reportd.option_list_error(formats reportd.output_format[], options jsonb)
returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	shared text[] := '{max_rows,skip_if_empty,sections}';
	key text;
	value jsonb;
	f reportd.output_format;
	named text;
	known boolean;
	wrong text;
begin
	for key, value in select * from jsonb_each(options) loop
		known := false;
		wrong := null;
		named := (select coalesce(k.alias_of, k.format)
			from reportd.output_format k where k.format = key);
		foreach f in array formats loop
			if f.format = named then
				known := true;
				wrong := case when jsonb_typeof(value) <> 'object' then
					format('output_options: "%s" must be an object', key)
				when value ?| shared then
					format('output_options: "%s" is for all formats alike; put it beside "%s"',
						(select s from unnest(shared) s where value ? s limit 1), key)
				else f.format || ': ' || reportd.option_keys_error('', f.format, f.options, value)
				end;
				exit;
			elsif exists (select from jsonb_array_elements(f.options) r
				where r ->> 'option' = key) then
				wrong := reportd.option_keys_error(
					'', f.format, f.options, jsonb_build_object(key, value));
				known := true;
				exit when wrong is null;
			end if;
		end loop;
		if not known then
			return format('output_options: none of the formats has an option "%s"', key);
		elsif wrong is not null then
			return wrong;
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
		and upper(coalesce(options ->> 'encoding', 'UTF8')) not in ('UTF8', 'UTF-8') then
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

-- In the words of common/encode/chart/chart.c.
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

-- In the words of common/encode/parquet/type.c.
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

-- The options that one of the formats goes by.
create function reportd.options_of(
	f reportd.output_format, formats reportd.output_format[], options jsonb
) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
	select case when cardinality(formats) = 1 then options
		else options || coalesce((select o.value from jsonb_each(options) o
			join reportd.output_format k on k.format = o.key
			where coalesce(k.alias_of, k.format) = f.format limit 1), '{}') end
$$;

-- The formats that output_format names, aliases resolved.
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
		if f.format = 'CSV' then
			perform reportd.check_csv_options(own);
		elsif f.format = 'PARQUET' then
			perform reportd.check_parquet_options(own);
		elsif own ? 'chart' and exists (select from jsonb_array_elements(f.options) r
			where r ->> 'option' = 'chart') then
			perform reportd.check_chart_options(own);
		end if;
	end loop;
end $$;

-- What the list of options in 014-formats.sql cannot tell of "s3", in the words of
-- common/place/s3/object.c.
create function reportd.check_s3_options(s3 jsonb, path text) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	bad text;
	size int;
begin
	if path !~ '^s3://' then
		perform reportd.refuse(
			'output_options: "s3" is for an output_path that begins with s3://',
			'Write the output_path as s3://bucket/key, or leave "s3" out.');
	end if;
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
		('run-id', 'report', 'report-id', 'scheduled-for', 'rows', 'sha256') limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('output_options: "s3.metadata": "%s" cannot be a name: a-z, 0-9, - and _, and none of run-id, report, report-id, scheduled-for, rows, sha256', bad),
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

-- How many statements an SQL text holds, and what is not closed in it; as
-- common/source/sqltext.c reads it, but for the bodies of routines, which no query has.
create function reportd.scan_sql(sql text, out statements int, out unclosed text)
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	c text[];
	n int;
	i int := 1;
	depth int;
	parentheses int := 0;
	content boolean := false; -- of the statement so far
	backslash boolean;
	quote text;
	tag text;
	at int;
begin
	statements := 0;
	c := string_to_array(sql, null);
	n := cardinality(c);
	while i <= n loop
		if c[i] ~ '[ \t\n\r\f\v]' then
			i := i + 1;
		elsif c[i] = '-' and c[i + 1] = '-' then
			while i <= n and c[i] <> E'\n' and c[i] <> E'\r' loop
				i := i + 1;
			end loop;
		elsif c[i] = '/' and c[i + 1] = '*' then
			depth := 1;
			i := i + 2;
			while i <= n and depth > 0 loop
				if c[i] = '/' and c[i + 1] = '*' then
					depth := depth + 1;
					i := i + 1;
				elsif c[i] = '*' and c[i + 1] = '/' then
					depth := depth - 1;
					i := i + 1;
				end if;
				i := i + 1;
			end loop;
			if depth > 0 then
				content := true;
				unclosed := 'a comment /*';
			end if;
		elsif c[i] in ('''', '"') or (c[i] in ('e', 'E') and c[i + 1] = '''') then
			content := true;
			backslash := c[i] in ('e', 'E');
			i := i + backslash::int;
			quote := c[i];
			loop
				i := i + 1;
				unclosed := case quote when '"' then 'a name "' else 'a text ''' end;
				while i <= n loop
					if backslash and c[i] = '\' then
						i := i + 1;
					elsif c[i] = quote and c[i + 1] = quote then
						i := i + 1;
					elsif c[i] = quote then
						unclosed := null;
						exit;
					end if;
					i := i + 1;
				end loop;
				i := i + 1;
				exit when not backslash;
				-- It goes on behind a line break.
				at := i;
				while c[at] ~ '[ \t\n\r\f\v]' loop
					at := at + 1;
				end loop;
				exit when c[at] is distinct from ''''
					or array_to_string(c[i:at], '') !~ '[\n\r]';
				i := at;
			end loop;
		elsif c[i] = '$' then
			content := true;
			at := i + 1;
			if c[at] ~ '[A-Za-z_]' or c[at] > E'\x7f' collate "C" then
				while c[at] ~ '[A-Za-z0-9_]' or c[at] > E'\x7f' collate "C" loop
					at := at + 1;
				end loop;
			end if;
			if c[at] = '$' then
				tag := array_to_string(c[i:at], '');
				depth := strpos(substr(sql, at + 1), tag);
				i := case when depth > 0 then at + depth + length(tag) else n + 1 end;
				unclosed := case when depth = 0 then 'a text ' || tag end;
			else
				i := i + 1;
			end if;
		elsif c[i] ~ '[A-Za-z_]' or c[i] > E'\x7f' collate "C" then
			content := true;
			while c[i] ~ '[A-Za-z0-9_$]' or c[i] > E'\x7f' collate "C" loop
				i := i + 1;
			end loop;
		elsif c[i] = ';' and parentheses = 0 then
			statements := statements + content::int;
			content := false;
			i := i + 1;
		else
			content := true;
			if c[i] = '(' then
				parentheses := parentheses + 1;
			elsif c[i] = ')' and parentheses > 0 then
				parentheses := parentheses - 1;
			end if;
			i := i + 1;
		end if;
	end loop;
	statements := statements + content::int;
end $$;

create function reportd.statement_count(sql text) returns int
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	head text := left(ltrim(sql, E'; \t\n\r\f\v'), 2);
begin
	-- Nearly always: no semicolon within, and more than comments before the end.
	if head = '' then
		return 0;
	elsif strpos(rtrim(sql, E'; \t\r\n'), ';') = 0 and (head not in ('--', '/*')
		or sql !~ '/\*.*/\*' and regexp_replace(sql,
			'^([ \t\n\r\f\v;]|--[^\n\r]*([\n\r]|$)|/\*([^*]|\*+[^*/])*\*+/)*', '') <> '')
	then
		return 1;
	end if;
	return (reportd.scan_sql(sql)).statements;
end $$;

-- What an editor would show in one colour to the end. Quotes that come in pairs, and
-- comments that do, are not looked at.
create function reportd.check_closed(name text, sql text) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	length constant int := length(sql);
	unclosed text;
begin
	if (length - length(replace(sql, '''', ''))) % 2 = 1
		or (length - length(replace(sql, '"', ''))) % 2 = 1
		or length - length(replace(sql, '/*', ' ')) <> length - length(replace(sql, '*/', ' '))
		or sql ~ '\\|\$[A-Za-z0-9_]*\$' then
		unclosed := (reportd.scan_sql(sql)).unclosed;
	end if;
	if unclosed is not null then
		perform reportd.refuse(format('%s: %s is not closed', name, unclosed),
			'Write its end; a quote within a text is written twice.');
	end if;
end $$;

-- Several outputs of one run need names of their own.
create function reportd.check_outputs(
	formats reportd.output_format[], options jsonb, sql text, path text
) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	statements int := reportd.statement_count(sql);
	single text := (select f.format from unnest(formats) f where f.one_section limit 1);
	-- The format that the file's name promises, whatever compresses it.
	ending text := lower(substring(regexp_replace(path, '\.(gz|zst)$', '', 'i')
		from '\.([A-Za-z0-9]+)$'));
	-- The sections that charts name: the one of all formats, and those of one each.
	charted text[] := array(
		select o.own #>> '{chart,section}'
		from (select check_outputs.options union all
			select check_outputs.options -> f.format from unnest(formats) f) o (own)
		where o.own #>> '{chart,section}' is not null);
begin
	if statements = 0 then
		perform reportd.refuse(
			'export_sql holds no statement, only comments',
			'Write a query, such as select * from sales.orders; or leave export_sql null.');
	elsif statements > 1 and single is not null
		and (path is null or strpos(path, '{part}') = 0) then
		perform reportd.refuse(
			format('export_sql has %s statements and a %s file holds the result of one: put {part} into output_path',
				statements, single),
			'For example {report_name}_%Y%m%d_{part}.{ext}; or put what prepares the data into prep_sql.');
	elsif (path is null or strpos(path, '{partition}') = 0)
		and (options ? 'partition_by' or exists (
			select from unnest(formats) f
			where check_outputs.options -> f.format ? 'partition_by')) then
		perform reportd.refuse(
			'"partition_by" makes a file for each value: put {partition} into output_path',
			'For example {report_name}/{partition}/%Y%m%d.{ext}.');
	elsif strpos(path, '{partition}') > 0 and exists (select from unnest(formats) f
		where not (reportd.options_of(f, formats, check_outputs.options) ? 'partition_by'
			and exists (select from jsonb_array_elements(f.options) r
				where r ->> 'option' = 'partition_by'))) then
		perform reportd.refuse(
			format('output_path has {partition}, and %s makes no partitions',
				(select string_agg(f.format, ' and ') from unnest(formats) f
				 where not (reportd.options_of(f, formats, check_outputs.options) ? 'partition_by'
					and exists (select from jsonb_array_elements(f.options) r
						where r ->> 'option' = 'partition_by')))),
			'Add "partition_by", for PARQUET alone, or leave {partition} out.');
	elsif cardinality(formats) > 1 and strpos(path, '{ext}') = 0 then
		perform reportd.refuse(
			'output_format names several formats: put {ext} into output_path',
			'For example {report_name}_%Y%m%d.{ext}.');
	elsif ending is not null
		and exists (select from reportd.output_format k where k.extension = ending)
		and exists (select from unnest(formats) f where f.extension <> ending) then
		perform reportd.refuse(
			format('output_path "%s" ends in .%s, and output_format is %s', path, ending,
				(select string_agg(f.format, ',') from unnest(formats) f)),
			format('End it in .%s or .{ext}, or set output_format to %s.',
				(select f.extension from unnest(formats) f where f.extension <> ending limit 1),
				(select k.format from reportd.output_format k
				 where k.extension = ending and k.alias_of is null)));
	elsif not coalesce(options -> 'sections', '[]') ?& charted then
		perform reportd.refuse(
			format('output_options: "chart" names the section "%s", which is not one of "sections"',
				(select c from unnest(charted) c
				 where not coalesce(options -> 'sections', '[]') ? c limit 1)),
			'Name the results in "sections", and one of them in "chart".');
	elsif jsonb_array_length(options -> 'sections') <> statements then
		perform reportd.refuse(
			format('output_options: "sections" has %s names for %s statements',
				jsonb_array_length(options -> 'sections'), statements),
			'Name the result of each statement, in their order.');
	end if;
end $$;

-- By its one proper name; null: none that a file can have (MULE_INTERNAL is for
-- within a server).
create function reportd.encoding_name(encoding text) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
	select to_jsonb(nullif(nullif(
		pg_encoding_to_char(pg_char_to_encoding(encoding)), ''), 'MULE_INTERNAL'))
$$;

create function reportd.check_parameters(parameters jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	bad text;
begin
	if jsonb_typeof(parameters) <> 'object' then
		perform reportd.refuse('parameters must be a JSON object',
			'For example {"month": "2026-01-01"}; used as :''month'' in SQL.');
	end if;
	select k into bad from jsonb_object_keys(parameters) k
	where k !~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$' limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('parameters: "%s" is not a name', bad),
			'Names are letters, digits and _, and do not start with a digit.');
	end if;
	select k into bad from jsonb_object_keys(parameters) k
	where k in ('run_id', 'config_id', 'request_id', 'report_name', 'owner', 'scheduled_for', 'ext',
		'part', 'partition') limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('parameters: "%s" is built in', bad), 'Choose another name.');
	end if;
end $$;

-- output_path is a template: {name} and strftime codes, see the manual.
create function reportd.check_path(path text, parameters jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	scheme text := substring(path from '^([A-Za-z][A-Za-z0-9+.-]*)://');
	bad text;
	kinds constant text :=
		'Write a path below the output root, file:///path or s3://bucket/key.';
begin
	if path ~* '^mailto:' then
		perform reportd.refuse(
			'output_path takes no mailto: address',
			'Put it into notify_on_completion: the report goes with the mail.');
	elsif path = '' or path ~ '[\x01-\x1f\x7f]' then
		perform reportd.refuse(
			'output_path is empty or holds control characters',
			'Leave it null for the default of the settings.');
	elsif path ~ '(^|/)\.\.(/|$)' then
		perform reportd.refuse(
			format('output_path "%s" climbs out with ..', path),
			'Write a path below the output root.');
	elsif scheme is not null and scheme not in ('file', 's3') then
		perform reportd.refuse(
			format('output_path: unknown scheme "%s://"', scheme), kinds);
	elsif path ~* '^([a-z][a-z0-9+.-]*:/(?!/)|(file|s3):(?!//))' then
		perform reportd.refuse(
			format('output_path "%s": two slashes belong after "%s:"',
				path, split_part(path, ':', 1)), kinds);
	elsif scheme = 'file' and path !~ '^file:///' then
		perform reportd.refuse(
			format('output_path "%s" names another host', path), kinds);
	-- The output root itself, which an absolute path begins with, may have one.
	elsif scheme is null and path !~ '^/' and path ~ '(^|/)\.' then
		perform reportd.refuse(
			format('output_path "%s" has a part that begins with a dot', path),
			'Begin each name with something else: such files are hidden, and others than reports.');
	elsif scheme = 's3' and substr(path, 6) !~ '^[a-z0-9]([a-z0-9-]|\.(?!\.)){1,61}[a-z0-9](/|$)' then
		perform reportd.refuse(
			format('output_path "%s" does not begin with a bucket''s name', path),
			'Write s3://bucket/key; the bucket as it is, without {names} and %codes: 3 to 63 of a-z, 0-9, - and .');
	elsif scheme = 's3' and path ~ '^s3://[^/]*(/?$|/.*//|//|/(.*/)?\.(/|$))' then
		perform reportd.refuse(
			format('output_path "%s" has a key with an empty or . segment', path),
			'Write s3://bucket/key, such as s3://finance/{report_name}/%Y%m%d.{ext}.');
	elsif scheme = 's3' and octet_length(path) - strpos(substr(path, 6), '/') - 5 > 1024 then
		perform reportd.refuse(
			'output_path: a key of S3 has at most 1024 bytes',
			'Write a shorter path.');
	elsif path ~ '/$' then
		perform reportd.refuse(
			format('output_path "%s" ends in /', path),
			'Add the file''s name, such as {report_name}_%Y%m%d.{ext}.');
	end if;
	select m[1] into bad from regexp_matches(path, '%(.?)', 'g') m
	where strpos('YmdHMSjybBaAuVGFTzs%', m[1]) = 0 or m[1] = '' limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('output_path: unknown code "%%%s"', bad),
			'Known: %Y %m %d %H %M %S %j %y %b %B %a %A %u %V %G %F %T %z %s, and %% for a percent sign.');
	end if;
	select m[1] into bad from regexp_matches(path, '\{([^{}]*)\}', 'g') m
	where m[1] not in ('run_id', 'config_id', 'request_id', 'report_name', 'owner', 'scheduled_for',
			'ext', 'part', 'partition')
		and not parameters ? m[1] limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('output_path: unknown name "{%s}"', bad),
			'Known: {owner}, {report_name}, {config_id}, {request_id}, {run_id}, {scheduled_for}, {ext}, {part}, {partition} and the report''s own parameters.');
	end if;
	if regexp_replace(path, '\{[^{}]*\}', '', 'g') ~ '[{}]' then
		perform reportd.refuse(
			format('output_path "%s" has a brace without its partner', path),
			'Write names as {name}.');
	end if;
end $$;

create function reportd.check_key(key text, config_id bigint) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if key !~ '^[A-Za-z][A-Za-z0-9_]{0,62}$' or strpos(key, '__') > 0 then
		perform reportd.refuse(
			format('report_key "%s" is not a key', left(key, 100)),
			'Write a letter, then letters, digits and single _, 63 at most.');
	elsif exists (select from reportd.report_config c
		where c.report_key = key and c.config_id is distinct from check_key.config_id) then
		perform reportd.refuse(
			format('report_key "%s" is taken', key), 'Choose another one.');
	end if;
end $$;

-- Limits in bytes, so that each row can be claimed, run and told. The SQL has a
-- limit of its own.
create function reportd.check_sizes(c reportd.report_config) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	bad record;
begin
	select * into bad from (values
			('report_type', octet_length(c.report_type), 200),
			('schedule_expression', octet_length(c.schedule_expression), 200),
			('time_zone', octet_length(c.time_zone), 100),
			('output_path', octet_length(c.output_path), 4096),
			('output_format', octet_length(c.output_format), 200),
			-- As texts: what was compressed or refers to a table looks small.
			('parameters', octet_length(c.parameters::text), 262144),
			('run_parameters', octet_length(c.run_parameters::text), 262144),
			('output_options', octet_length(c.output_options::text), 65536),
			('notify_on_completion', octet_length(c.notify_on_completion::text), 65536),
			('notify_on_failure', octet_length(c.notify_on_failure::text), 65536)
		) as l(name, size, most)
	where size > most limit 1;
	if found then
		perform reportd.refuse(
			format('%s has %s bytes; at most %s are taken', bad.name, bad.size, bad.most),
			case when bad.name like '%parameters' then
				'Keep large values in a table of the source, and give its key as the parameter.'
			else 'Write less.' end);
	elsif c.report_type ~ '[\x01-\x1f\x7f]' then
		perform reportd.refuse('report_type holds control characters',
			'Write one line of text.');
	end if;
end $$;

-- A source that no daemon has would never run. Before any daemon has registered
-- its sources there is nothing to compare with.
create function reportd.check_source(source text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	known text;
begin
	select string_agg(s.source, ', ' order by s.source) into known
	from reportd.report_source s;
	if not exists (select from reportd.report_source s where s.source = check_source.source)
		and known is not null then
		perform reportd.refuse(format('no daemon has a source "%s"', source),
			format('Known: %s. Add [source.NAME] to the settings of a daemon and restart it, or register it by `reportctl sources --register`.', known));
	end if;
end $$;

create function reportd.is_granted(kind text, name text, owner regrole) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select exists (select from reportd.report_grant g
		where g.kind = $1 and g.name = $2
			and (g.grantee = 0::oid or pg_has_role($3, g.grantee, 'USAGE')))
$$;

-- Prefixes below which an owner may read or write, in one text for messages.
create function reportd.granted_paths(kind text, owner regrole) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
	select coalesce(array_agg(g.name order by g.name), '{}')
	from reportd.report_grant g
	where g.kind = $1 and (g.grantee = 0::oid or pg_has_role($2, g.grantee, 'USAGE'))
$$;

-- Paths that are granted, but not to an owner for writing: no name of a report may
-- lead a default path there.
create function reportd.other_paths(owner regrole) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
	select coalesce(array_agg(distinct g.name), '{}')
	from reportd.report_grant g
	where g.kind in ('read', 'write') and not (g.kind = 'write'
		and (g.grantee = 0::oid or pg_has_role($1, g.grantee, 'USAGE')))
$$;

-- The beginning of the default path of a daemon's settings, as far as the owner and
-- the name of the report make it, when it lies in a place that is not the owner's;
-- null: in none. What the template says by itself the operator has chosen.
create function reportd.default_astray(owner regrole, report_name text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
	select f.place
	from (select distinct w.output from reportd.report_worker w
		where w.output is not null and w.heartbeat_at > now() - w.lease) w
	cross join lateral (select regexp_replace(w.output, '[{%].*$', '') as fixed,
		regexp_replace(regexp_replace(replace(replace(w.output,
				'{owner}', translate(pg_get_userbyid($1), '/', '_')),
				'{report_name}', translate($2, '/', '_')),
			'[{%].*$', ''), '(^|/)\.', '\1_', 'g') as place) f
	where exists (select from unnest(reportd.other_paths($1)) g
			where starts_with(f.place, g) and not starts_with(f.fixed, g))
		and not exists (select from unnest(reportd.granted_paths('write', $1)) g
			where starts_with(f.place, g)
				or g = '/' and f.place !~ '^[A-Za-z][A-Za-z0-9+.-]*://')
	limit 1
$$;

-- What an owner may not use, in a sentence; null: nothing. Asked at INSERT for the
-- message, and at the claim for the truth. The worker asks once more for paths,
-- when names and codes are filled in.
create function reportd.denial(c reportd.report_config, out message text, out hint text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
	who text := pg_get_userbyid(c.owner);
	-- A dot that begins a part of the path becomes _, one within it does not.
	fixed text := regexp_replace(replace(c.output_path, '{owner}',
		case when who ~ '^\.' then '{owner}' else translate(who, '/', '_') end), '[{%].*$', '');
	paths text[];
	astray text;
	most bigint;
	used bigint;
begin
	if pg_has_role(c.owner, 'reportd_operator', 'USAGE') then
		return;
	elsif not exists (select from pg_roles r where r.oid = c.owner) then
		message := format('the owner of report %s is no role any more', c.config_id);
		hint := 'An operator can give it to another one by reportd.change(ID, ''{"owner": "ROLE"}'').';
	elsif not reportd.is_granted('source', c.source, c.owner) then
		message := format('%s may not use a source "%s"', c.owner, c.source);
		hint := (select coalesce('Write one of: ' || string_agg(s.source, ', '
				order by s.source) || '; ', '')
			from reportd.report_source s
			where reportd.is_granted('source', s.source, c.owner))
			|| format('an operator can allow more by select reportd.grant_source(''NAME'', %L).',
				c.owner);
	elsif c.output_path is not null then
		paths := reportd.granted_paths('write', c.owner);
		-- The text before the first name or code must be below a prefix, or may
		-- still lead there.
		if not exists (select from unnest(paths) p
			where p = '/' and c.output_path !~ '^[A-Za-z][A-Za-z0-9+.-]*://'
				or starts_with(fixed, p)
				or fixed <> c.output_path and starts_with(p, fixed)) then
			message := format('%s may not write to "%s"', c.owner, c.output_path);
			hint := case when paths = '{}' then 'Leave output_path out for the default of the settings; '
					else format('Write below one of: %s; ', array_to_string(paths, ', ')) end
				|| 'an operator can allow more by reportd.grant_path().';
		end if;
	elsif c.export_sql is not null then
		astray := reportd.default_astray(c.owner, c.report_name);
		if astray is not null then
			message := format('%s may not write to "%s", where the default path of the settings leads a report "%s"',
				c.owner, astray, c.report_name);
			hint := 'Give it another name, or an output_path that is granted; an operator can begin the default path with {owner} (output in [reportd] of the settings).';
		end if;
	end if;
	if message is not null then
		return;
	end if;
	most := (reportd.quota_of(c.owner)).max_output_bytes;
	if most is not null then
		select u.output_bytes into used from reportd.report_usage u where u.owner = c.owner;
		if used >= most then
			message := format('%s has published %s bytes in the last 24 hours; its quota is %s',
				c.owner, used, most);
			hint := 'Wait, publish less, or ask an operator for more (report_quota).';
		end if;
	end if;
end $$;

-- The limits of an owner: its own row, and the common one where that says nothing.
create function reportd.quota_of(owner regrole) returns reportd.report_quota
language sql stable set search_path = pg_catalog, pg_temp as $$
	select $1, coalesce(o.max_reports, d.max_reports),
		coalesce(o.max_pending, d.max_pending), coalesce(o.max_running, d.max_running),
		coalesce(o.max_output_bytes, d.max_output_bytes),
		coalesce(o.max_timeout, d.max_timeout)
	from (values (1)) one(one)
	left join reportd.report_quota o on o.role = $1
	left join reportd.report_quota d on d.role = 0::oid
$$;

create function reportd.check_rights(new reportd.report_config, old reportd.report_config)
returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	denial record;
	most interval := (reportd.quota_of(new.owner)).max_timeout;
begin
	select * into denial from reportd.denial(new);
	if denial.message is not null then
		perform reportd.refuse(denial.message, denial.hint);
	elsif extract(epoch from new.timeout) > extract(epoch from most) then
		perform reportd.refuse(
			format('timeout %s is longer than %s allows %s', new.timeout, most, new.owner),
			format('Write %s or less.', most));
	elsif new.next_run_time < now() - interval '1 minute'
		and new.next_run_time is distinct from old.next_run_time then
		perform reportd.refuse(
			format('next_run_time %s lies in the past', new.next_run_time),
			'Leave it out: it follows from the schedule. For times that have passed use reportd.backfill().');
	elsif old is null and new.due_at < now() - interval '1 minute' then
		perform reportd.refuse(format('due_at %s lies in the past', new.due_at),
			'Leave it out for a report that is to run now.');
	end if;
end $$;

-- How many reports and requests of an owner wait; counting ends at `most`.
create function reportd.pending_count(owner regrole, most int) returns int
language sql stable set search_path = pg_catalog, pg_temp as $$
	select count(*)::int from (
		(select from reportd.report_config c
		 where c.owner = $1 and c.status = 'PENDING' and c.is_active
			and c.due_at < 'infinity'
		 limit $2)
		union all
		(select from reportd.report_request r
		 where r.owner = $1 and r.state in ('WAITING', 'QUEUED')
		 limit $2)) w
$$;

-- Reports that cost nothing to make but their rows; counting ends at `most`.
create function reportd.idle_count(owner regrole, most int) returns bigint
language sql stable set search_path = pg_catalog, pg_temp as $$
	select count(*) from (select from reportd.report_config c
		where c.owner = $1 and (c.status = 'CANCELLED'
			or c.status = 'PENDING' and (not c.is_active or c.due_at = 'infinity'))
		limit $2) idle
$$;

-- What sessions add at the same time none of them sees. So what is asked at once for
-- the message is asked again as the transaction commits: owner by owner, in turns.
-- Nobody waits for a transaction that stays open, but for one that commits.
create function reportd.quota_at_commit() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	quota reportd.report_quota := reportd.quota_of(new.owner);
begin
	delete from reportd.quota_check q
	where q.transaction = new.transaction and q.owner = new.owner;
	insert into reportd.owner_turn as t (owner) values (new.owner)
	on conflict (owner) do update set taken = t.taken + 1;
	if reportd.pending_count(new.owner, quota.max_pending + 1) > quota.max_pending then
		raise exception using errcode = '22023',
			message = format('%s has reports and requests waiting that others added meanwhile; with those of this transaction they are more than its quota, which is %s',
				new.owner, quota.max_pending),
			hint = 'Wait until some have ended, cancel some, or ask an operator for more (report_quota).';
	elsif reportd.idle_count(new.owner, quota.max_reports + 1) > quota.max_reports then
		raise exception using errcode = '22023',
			message = format('%s has reports that others added meanwhile; with those of this transaction they are more than its quota, which is %s',
				new.owner, quota.max_reports),
			hint = 'Delete some by reportd.delete(), or ask an operator for more (report_quota).';
	end if;
	return null;
end $$;
create constraint trigger at_commit after insert on reportd.quota_check
	deferrable initially deferred
	for each row execute function reportd.quota_at_commit();

create function reportd.check_at_commit(owner regrole) returns void
language sql set search_path = pg_catalog, pg_temp as $$
	insert into reportd.quota_check (transaction, owner) values (pg_current_xact_id(), $1)
	on conflict do nothing
$$;

create function reportd.check_pending(owner regrole, more int) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	most int := (reportd.quota_of(owner)).max_pending;
begin
	if most is null or pg_has_role(owner, 'reportd_operator', 'USAGE') then
		return;
	end if;
	-- First: where constraints are not deferred the turn is taken now.
	perform reportd.check_at_commit(owner);
	if reportd.pending_count(owner, most) + more > most then
		perform reportd.refuse(
			format('%s has %s reports and requests waiting already; its quota is %s',
				owner, reportd.pending_count(owner, most), most),
			'Wait until some have ended, cancel some, or ask an operator for more (report_quota).');
	end if;
end $$;

create function reportd.check_quota(c reportd.report_config) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	most int := (reportd.quota_of(c.owner)).max_reports;
	count bigint;
begin
	perform reportd.check_pending(c.owner, 1);
	if most is null then
		return;
	end if;
	perform reportd.check_at_commit(c.owner);
	select max(n) into count from (
		select u.reports as n from reportd.report_usage u where u.owner = c.owner
		union all
		select reportd.idle_count(c.owner, most)) counts;
	if count >= most then
		perform reportd.refuse(
			format('%s has %s reports; its quota is %s', c.owner, count, most),
			'Delete some by reportd.delete() and wait a minute (they are counted that often), or ask an operator for more (report_quota).');
	end if;
end $$;

-- Requests that were cancelled before they ran count as reports: else asking and
-- cancelling in turns would fill the table.
create function reportd.check_unused(owner regrole) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	most int := (reportd.quota_of(owner)).max_reports;
begin
	if most is null then
		return;
	end if;
	if not pg_has_role(owner, 'reportd_operator', 'USAGE')
		and (select count(*) from (select from reportd.report_request r
			where r.owner = check_unused.owner and r.state = 'ENDED' and r.run_id is null
			limit most) ended) >= most then
		perform reportd.refuse(
			format('%s has cancelled %s requests that had not run; its quota for reports is %s',
				owner, most, most),
			'Wait until retention has forgotten some, or ask an operator for more (report_quota).');
	end if;
end $$;

-- The settings of the session that inserts must not change what is right.
create function reportd.report_config_check() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
	set standard_conforming_strings = on as $$
declare
	formats reportd.output_format[];
	operator boolean;
	message text;
	hint text;
begin
	-- What most reports have is let through by plain expressions; functions are
	-- called for the rest, and for messages.
	new.trigger_type := upper(new.trigger_type);
	if tg_op = 'INSERT' then
		-- Operators may submit for others.
		if new.owner is null
			or not pg_has_role(reportd.acting_role(), 'reportd_operator', 'USAGE') then
			new.owner := to_regrole(quote_ident(case current_setting('role')
				when 'none' then session_user else current_setting('role') end));
		end if;
	end if;
	if new.request_id is null and new.trigger_type = 'ADHOC' then
		new.request_id := nextval('reportd.report_request_request_id_seq');
	end if;
	operator := pg_has_role(new.owner, 'reportd_operator', 'USAGE');
	new.misfire_policy := upper(new.misfire_policy);
	new.status := upper(new.status);
	new.output_format := upper(replace(new.output_format, ' ', ''));
	if new.report_name is null or new.report_name !~ '\S'
		or new.report_name ~ '[\x01-\x1f\x7f]' or octet_length(new.report_name) > 200 then
		perform reportd.refuse(
			'report_name must be a text of 1 to 200 bytes (UTF-8) without control characters',
			'It names the report in its output, runs and notices; a file''s name holds no more.');
	end if;
	if new.report_key is not null then
		perform reportd.check_key(new.report_key, new.config_id);
	end if;
	if tg_op = 'UPDATE' and old.has_children and new.report_key is distinct from old.report_key then
		perform reportd.refuse_needed(old,
			format('the key of report %s cannot change', old.config_id));
	end if;
	if new.run_after is not null or new.trigger_type = 'AFTER' or new.wait_timeout is not null then
		new.run_after := reportd.check_run_after(new, old);
	end if;
	-- Numbers like 1e131071 are small on disk and long as text.
	if pg_column_size(new) > 2000 or new.parameters <> '{}' or new.output_options <> '{}' or octet_length(new.report_type) > 200
		or octet_length(new.schedule_expression) > 200 or octet_length(new.time_zone) > 100
		or octet_length(new.output_path) > 4096 or octet_length(new.output_format) > 200
		or new.report_type ~ '[\x01-\x1f\x7f]' then
		perform reportd.check_sizes(new);
	end if;
	if new.trigger_type is null or new.trigger_type not in ('ADHOC', 'SCHEDULED', 'AFTER') then
		perform reportd.refuse(
			format('unknown trigger_type "%s"', new.trigger_type),
			'Write ADHOC (once, as soon as possible), SCHEDULED (with a schedule_expression) or AFTER (with run_after).');
	end if;
	if new.misfire_policy is null or new.misfire_policy not in ('LATEST', 'SKIP', 'ALL') then
		perform reportd.refuse(
			format('unknown misfire_policy "%s"', new.misfire_policy),
			'Write LATEST (one run for the newest missed time), SKIP or ALL.');
	end if;
	if new.status is null or new.status not in
		('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED') then
		perform reportd.refuse(
			format('unknown status "%s"', new.status),
			'Leave status out: a report starts as PENDING.');
	end if;
	if tg_op = 'INSERT' and new.status = 'PROCESSING' then
		perform reportd.refuse(
			'a new report cannot be PROCESSING',
			'Leave status out: a report starts as PENDING.');
	end if;
	if new.source is null or new.source !~ '^[a-z0-9_]{1,40}$' then
		perform reportd.refuse(
			format('source "%s" is not a name', new.source),
			'Write the name of a [source.NAME] of the settings: a-z, 0-9 and _; default is ''default''.');
	end if;
	if new.time_zone is null then
		perform reportd.refuse('time_zone is null',
			'Write a zone such as ''Europe/Berlin'', or leave it out for UTC.');
	end if;
	if new.priority is null or new.priority not between 1 and 5 then
		perform reportd.refuse(
			format('priority %s is out of range', coalesce(new.priority::text, 'null')),
			'Write 1 (first) to 5 (last).');
	end if;
	if new.max_retries is null or new.max_retries not between 0 and 100 then
		perform reportd.refuse(
			format('max_retries %s is out of range', coalesce(new.max_retries::text, 'null')),
			'Write 0 (no retry) to 100.');
	end if;
	-- A run counts in milliseconds, and 0 of them would be no limit.
	if extract(epoch from new.timeout) < 0.001 then
		perform reportd.refuse(
			format('timeout %s is shorter than a millisecond', new.timeout),
			'Write an interval such as ''10 minutes'', or null for the default of the settings.');
	end if;
	if new.due_at = '-infinity' or not isfinite(new.scheduled_for)
		or not isfinite(new.next_run_time) then
		perform reportd.refuse(
			'due_at, scheduled_for and next_run_time must be points in time',
			'Leave them out: they follow from the trigger and the schedule.');
	end if;
	-- Editors put a byte order mark before a text, which no server takes.
	new.prep_sql := nullif(btrim(new.prep_sql, E'\uFEFF \t\r\n'), '');
	new.export_sql := nullif(btrim(new.export_sql, E'\uFEFF \t\r\n'), '');
	if new.prep_sql is null and new.export_sql is null then
		perform reportd.refuse(
			format('report "%s" has neither prep_sql nor export_sql', new.report_name),
			'Give export_sql (a query to export), prep_sql (statements that build tables), or both.');
	end if;
	if new.prep_sql is not null and reportd.statement_count(new.prep_sql) = 0 then
		perform reportd.refuse(
			'prep_sql holds no statement, only comments',
			'Write statements that build what the export reads, or leave prep_sql null.');
	end if;
	perform reportd.check_closed('prep_sql', new.prep_sql);
	perform reportd.check_closed('export_sql', new.export_sql);
	if octet_length(coalesce(new.prep_sql, '')) + octet_length(coalesce(new.export_sql, '')) > 1048576 then
		perform reportd.refuse(
			'prep_sql and export_sql together are longer than 1 MiB',
			'Put the work into a function or procedure and call that.');
	end if;
	select array[k] into formats from reportd.output_format k
	where k.format = new.output_format and k.alias_of is null;
	if formats is null then
		formats := reportd.formats_of(new.output_format);
	end if;
	new.parameters := coalesce(new.parameters, '{}');
	new.output_options := coalesce(new.output_options, '{}');
	if new.output_options <> '{}' then
		perform reportd.check_options(formats, new.output_options);
		if new.output_options ? 's3' then
			perform reportd.check_s3_options(new.output_options -> 's3', new.output_path);
		end if;
		perform reportd.check_s3_options(o.value -> 's3', new.output_path)
		from jsonb_each(new.output_options) o
		where o.key in (select f.format from unnest(formats) f) and o.value ? 's3';
	end if;
	-- By its one proper name, whatever alias was written.
	if new.output_options ? 'encoding' then
		new.output_options := jsonb_set(new.output_options, '{encoding}',
			reportd.encoding_name(new.output_options ->> 'encoding'));
	end if;
	if new.output_options -> 'CSV' ? 'encoding' then
		new.output_options := jsonb_set(new.output_options, '{CSV,encoding}',
			reportd.encoding_name(new.output_options #>> '{CSV,encoding}'));
	end if;
	if new.export_sql is not null then
		perform reportd.check_outputs(
			formats, new.output_options, new.export_sql, new.output_path);
	end if;
	if new.parameters <> '{}' then
		perform reportd.check_parameters(new.parameters);
	end if;
	if new.output_path is not null then
		perform reportd.check_path(new.output_path, new.parameters);
	end if;
	if new.time_zone <> 'UTC' then
		perform reportd.check_time_zone(new.time_zone);
	end if;
	-- A report can be put to rest whatever it may not use any more.
	if operator then
		if (tg_op = 'INSERT' or new.is_active) and not exists (
			select from reportd.report_source s where s.source = new.source) then
			perform reportd.check_source(new.source);
		end if;
	else
		if tg_op = 'INSERT' or new.is_active then
			perform reportd.check_rights(new, old);
		end if;
		if tg_op = 'INSERT' or new.owner <> old.owner then
			perform reportd.check_quota(new);
		elsif new.status = 'PENDING' and new.is_active
			and (new.trigger_type = 'ADHOC' or new.due_at < 'infinity')
			and (not old.is_active or old.trigger_type <> new.trigger_type) then
			perform reportd.check_pending(new.owner, 1);
		end if;
	end if;
	new.updated_timestamp := now();
	if new.trigger_type = 'ADHOC' and new.schedule_expression is null then
		new.next_run_time := null;
		new.scheduled_for := coalesce(new.scheduled_for, now());
		if new.due_at = 'infinity' then
			new.due_at := now();
		end if;
		return new;
	end if;
	return reportd.report_config_plan(new, old);
-- One refusal, one line of context: psql shows a user each function on the way.
exception when invalid_parameter_value then
	get stacked diagnostics message = message_text, hint = pg_exception_hint;
	raise exception using errcode = '22023', message = message, hint = hint;
end $$;

-- When a definition is due: at once, at the next time of its schedule, or after others.
create function reportd.report_config_plan(
	new reportd.report_config, old reportd.report_config
) returns reportd.report_config language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if new.trigger_type = 'ADHOC' then
		perform reportd.refuse(
			format('report "%s" has a schedule_expression but is ADHOC', new.report_name),
			'Set trigger_type to ''SCHEDULED'', or leave schedule_expression out.');
	end if;
	if new.trigger_type = 'AFTER' then
		if new.schedule_expression is not null then
			perform reportd.refuse(
				format('report "%s" has a schedule_expression but is AFTER', new.report_name),
				'Leave schedule_expression out: it runs when those in run_after have. Or set trigger_type to ''SCHEDULED'': then it waits for them at its own times.');
		end if;
		new.next_run_time := null;
		if old is null or old.trigger_type <> 'AFTER' and new.status = 'PENDING' and new.attempt = 0 then
			new.due_at := 'infinity';
		end if;
		return new;
	end if;
	if new.schedule_expression is null then
		perform reportd.refuse(
			format('report "%s" is SCHEDULED without a schedule_expression', new.report_name),
			'Write a cron expression such as ''0 6 * * 1-5'' (06:00 from Monday to Friday).');
	end if;
	if old is null then
		new.due_at := 'infinity';
	end if;
	if old is null and new.next_run_time is not null then
		-- A first time of the user's own, but the expression must be sound.
		perform reportd.next_run(new.schedule_expression, new.time_zone, now());
	elsif old is null
		or old.schedule_expression is distinct from new.schedule_expression
		or old.time_zone <> new.time_zone
		or old.trigger_type <> new.trigger_type
		or (new.is_active and not old.is_active) then
		new.next_run_time := reportd.next_run(
			new.schedule_expression, new.time_zone, now());
		if new.next_run_time is null then
			perform reportd.refuse(
				format('schedule_expression "%s" never occurs in %s',
					new.schedule_expression, new.time_zone),
				'Its local times fall into hours that the clock there skips.');
		end if;
		if new.status = 'PENDING' and new.attempt = 0
			and old.trigger_type is distinct from new.trigger_type then
			new.due_at := 'infinity';
		end if;
	end if;
	return new;
end $$;

create trigger a_check_insert before insert on reportd.report_config
	for each row execute function reportd.report_config_check();
-- The daemon's own updates touch none of these columns and pay nothing.
create trigger a_check_update before update of report_key, report_name, report_type,
		owner, trigger_type, schedule_expression, time_zone, misfire_policy, is_active, priority,
		max_retries, timeout, source, prep_sql, export_sql, parameters,
		output_format, output_path, output_options, run_after, wait_timeout
	on reportd.report_config
	for each row execute function reportd.report_config_check();

-- The transition table of the life of a report.
create function reportd.refuse_transition() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform reportd.refuse(
		format('report %s cannot go from %s to %s', old.config_id, old.status, new.status),
		'Use reportd.run_now(), reportd.retry() or reportd.cancel().');
end $$;
create trigger b_transition before update of status on reportd.report_config
	for each row when (old.status <> new.status
		and (old.status, new.status) not in (
			('PENDING', 'PROCESSING'), ('PENDING', 'CANCELLED'),
			('PROCESSING', 'PENDING'), ('PROCESSING', 'COMPLETED'),
			('PROCESSING', 'FAILED'), ('PROCESSING', 'CANCELLED'),
			('COMPLETED', 'PENDING'), ('FAILED', 'PENDING'),
			('CANCELLED', 'PENDING')))
	execute function reportd.refuse_transition();

-- An ended report that becomes PENDING starts afresh, whoever set it.
create function reportd.start_afresh() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	if new.request_id is not distinct from old.request_id
		and new.scheduled_for is not distinct from old.scheduled_for
		and new.due_at is not distinct from old.due_at then
		-- Set by hand, not by a function: that is a request of its own.
		new.request_id := reportd.replace_request(old);
		new.request_kept := false;
	end if;
	new.attempt := 0;
	new.current_retries := 0;
	new.cancel_requested := false;
	new.cancelled_by := null;
	new.error_message := null;
	new.error_timestamp := null;
	if new.due_at is not distinct from old.due_at then
		new.due_at := now();
		new.scheduled_for := now();
		new.run_parameters := null;
	end if;
	return new;
end $$;
create trigger c_afresh before update of status on reportd.report_config
	for each row when (new.status = 'PENDING'
		and old.status in ('COMPLETED', 'FAILED', 'CANCELLED'))
	execute function reportd.start_afresh();

-- Work appears: wake the daemons. One empty payload, so that PostgreSQL folds
-- the notices of a transaction into one; polling stays the truth.
create function reportd.notify_pending() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform pg_notify('reportd_pending', '');
	return null;
end $$;
create trigger notify_insert after insert on reportd.report_config
	for each statement execute function reportd.notify_pending();
create trigger notify_update after update of status, is_active, source,
		schedule_expression, time_zone, trigger_type, next_run_time, due_at
	on reportd.report_config
	for each row when (new.status <> 'PROCESSING' and new.is_active
		and (old.is_active, old.source, old.due_at, old.next_run_time)
			is distinct from
			(new.is_active, new.source, new.due_at, new.next_run_time))
	execute function reportd.notify_pending();

-- Deleting a report that runs: its run loses the fence and publishes nothing. What
-- waits of it ends with it.
create function reportd.end_deleted() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	update reportd.report_run
	set status = 'CANCELLED', finished_at = now(),
		error_message = 'the report was deleted while it ran'
	where run_id = old.run_id and status = 'PROCESSING';
	update reportd.report_request
	set state = 'ENDED', outcome = coalesce(outcome, 'CANCELLED'),
		ended_at = coalesce(ended_at, now()), newest = false,
		error_message = coalesce(error_message, 'the report was deleted')
	where config_id = old.config_id and (state <> 'ENDED' or newest);
	return null;
end $$;
create trigger end_deleted after delete on reportd.report_config
	for each row when (old.status = 'PROCESSING' or old.request_kept or old.requests_wait
		or old.run_after is not null)
	execute function reportd.end_deleted();
