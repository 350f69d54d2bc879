-- SPDX-License-Identifier: MIT
-- Parameters, outputs and paths of a report, and the checks of them.

-- Refuses a path that would give several outputs of one run the same name.
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
		select reportd.options_of(f, formats, check_outputs.options) #>> '{chart,section}'
		from unnest(formats) f);
begin
	if statements = 0 then
		perform reportd.refuse(
			'export_sql holds no statement, only comments',
			'Write a query, such as select * from sales.orders; or leave export_sql null.');
	elsif statements > 1 and single is not null
		and (path is null or strpos(path, '{part}') = 0 and strpos(path, '{section}') = 0) then
		perform reportd.refuse(
			format('export_sql has %s statements and a %s file holds the result of one: put {part} or {section} into output_path',
				statements, single),
			'For example {report_name}_%Y%m%d_{part}.{ext}; or put what prepares the data into prep_sql.');
	elsif strpos(path, '{section}') > 0 and statements > 1
		and exists (select from unnest(formats) f where not f.one_section) then
		perform reportd.refuse(
			format('output_path has {section}, and a %s file holds the results of all statements',
				(select f.format from unnest(formats) f where not f.one_section limit 1)),
			'Leave {section} out, or make files of one statement each.');
	elsif strpos(path, '{section}') > 0 and (
		jsonb_array_length(coalesce(options -> 'sections', '[]')) is distinct from statements
		or exists (select from jsonb_array_elements_text(options -> 'sections') s
			group by s having count(*) > 1 and strpos(path, '{part}') = 0
				or s in ('', '.', '..') or s ~ '[/\x01-\x1f\x7f]')) then
		perform reportd.refuse(
			'output_path has {section}, and "sections" does not name the result of each statement',
			format('Give %s different names without a slash or control character, such as {"sections": ["orders"]}.',
				statements));
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
			format('output_options: "sections" has %s for %s',
				reportd.counted(jsonb_array_length(options -> 'sections'), 'name'),
				reportd.counted(statements, 'statement')),
			'Name the result of each statement, in their order.');
	end if;
end $$;

-- Returns the one proper name of an encoding; null: a file cannot have it
-- (MULE_INTERNAL is for use within a server).
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
	where k !~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$' or k ~ '^((last|after)__|horizon$)'
		or k in ('run_id', 'config_id', 'request_id', 'report_name', 'owner', 'scheduled_for',
			'ext', 'part', 'section', 'partition')
	limit 1;
	if bad !~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$' then
		perform reportd.refuse(
			format('parameters: "%s" is not a name', bad),
			'Names are letters, digits and _, and do not start with a digit.');
	elsif bad is not null then
		perform reportd.refuse(
			format('parameters: "%s" is built in', bad), 'Choose another name.');
	end if;
end $$;

-- output_path is a template: {name} and strftime codes, see the manual.
create function reportd.check_path(path text, parameters jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	scheme text := substring(path from '^([^/]*)://');
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
	-- Signs that nobody sees and that show a name as another one; str_hidden of the programs.
	elsif path ~ '[\u0080-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]' then
		perform reportd.refuse(
			'output_path holds an invisible character',
			'Write it anew: text from a document or a web page may carry such signs.');
	elsif path ~ '(^|/)\.\.(/|$)' then
		perform reportd.refuse(
			format('output_path "%s" climbs out with ..', path),
			'Write a path below the output root.');
	elsif scheme is not null and scheme not in ('file', 's3') then
		perform reportd.refuse(
			format('output_path: unknown scheme "%s://"', scheme), kinds);
	elsif path ~* '^([^/]*:/(?!/)|(file|s3|https):(?!//))' then
		perform reportd.refuse(
			format('output_path "%s": two slashes belong after "%s:"',
				path, split_part(path, ':', 1)), kinds);
	elsif scheme = 'file' and path !~ '^file:///' then
		perform reportd.refuse(
			format('output_path "%s" names another host', path), kinds);
	-- Folders of the output root, which an absolute path begins with, may have one.
	elsif scheme is null and path !~ '^/' and path ~ '(^|/)\.'
		or scheme is distinct from 's3' and path ~ '/\.[^/]*$' then
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
			'ext', 'part', 'section', 'partition')
		and not parameters ? m[1] limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('output_path: unknown name "{%s}"', bad),
			'Known: {owner}, {report_name}, {config_id}, {request_id}, {run_id}, {scheduled_for}, {ext}, {part}, {section}, {partition} and the report''s own parameters.');
	end if;
	if regexp_replace(path, '\{[^{}]*\}', '', 'g') ~ '[{}]' then
		perform reportd.refuse(
			format('output_path "%s" has a brace without its partner', path),
			'Write names as {name}.');
	end if;
end $$;
