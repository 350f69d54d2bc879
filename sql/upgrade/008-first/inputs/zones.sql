-- SPDX-License-Identifier: MIT
-- Files that reports read. A zone is a pattern of paths that daemons list for the reports
-- of one owner, so that owners take turns and no owner waits for another. The ledger
-- report_input has a row for each version of a file that a report has met in a zone, so
-- that each version is taken once. Submitters write none of these tables: a daemon brings
-- them up to date when it looks at a report (see report_look), so that no open
-- transaction of a submitter can delay a listing.

create table reportd.report_zone (
	zone_id bigint generated always as identity primary key,
	owner oid not null,
	path text not null,
	list_at timestamptz not null default now(),
	listing_by uuid,
	listing_until timestamptz,
	listing_number bigint not null default 0,
	began_at timestamptz,
	looked bigint not null default 0,
	listed_at timestamptz,
	took interval not null default '0',
	files bigint,
	error text,
	error_at timestamptz,
	unique (owner, path)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
comment on table reportd.report_zone is
	'Patterns of paths that daemons list for the inputs of reports.';
comment on column reportd.report_zone.list_at is
	'When it is listed next; infinity: nobody waits for it.';
comment on column reportd.report_zone.listing_number is
	'Each listing has a number: pages of an older one are refused.';
comment on column reportd.report_zone.listed_at is
	'When the last whole listing began; files and took are of that one.';
create index report_zone_next on reportd.report_zone (list_at);
create index report_zone_turn on reportd.report_zone (owner, list_at);
create index report_zone_listing on reportd.report_zone (listing_by) where listing_by is not null;

create table reportd.report_input_use (
	config_id bigint not null,
	input text not null,
	zone_id bigint not null,
	spec jsonb not null,
	since timestamptz not null,
	primary key (config_id, input)
);
comment on table reportd.report_input_use is
	'Which report lists which zone for which of its inputs; spec: what report_config.inputs says of it.';
comment on column reportd.report_input_use.since is
	'Listings that began before this time do not know of it.';
create index report_input_use_zone on reportd.report_input_use (zone_id);

create table reportd.report_input (
	file_id bigint generated always as identity primary key,
	config_id bigint not null,
	input text not null,
	url text not null,
	version text not null,
	size bigint not null,
	modified_at timestamptz not null,
	found_at timestamptz not null default now(),
	seen_at timestamptz not null default now(),
	look_at timestamptz not null default '-infinity',
	state text not null default 'NEW'
		check (state in ('NEW', 'TAKEN', 'DONE', 'FAILED', 'GONE')),
	fault text,
	request_id bigint,
	ended_at timestamptz,
	move text check (move in ('archive', 'quarantine')),
	move_at timestamptz,
	move_by uuid,
	move_tries int not null default 0,
	move_error text,
	moved_to text,
	unique (config_id, input, url, version)
) with (
	fillfactor = 70,
	autovacuum_vacuum_scale_factor = 0.05,
	autovacuum_vacuum_insert_scale_factor = 0.05
);
comment on table reportd.report_input is
	'The ledger of input files: a row for each version of a file that a report has met. See v_inputs.';
comment on column reportd.report_input.version is
	'Changes when the content of the file does: the ETag of S3; inode, time and size of a local file.';
comment on column reportd.report_input.seen_at is
	'When a listing last met the file. Exact for a NEW file; for other files it is brought up to date about once an hour.';
comment on column reportd.report_input.state is
	'NEW; TAKEN by a request; DONE or FAILED with it; GONE: replaced before it was read.';
comment on column reportd.report_input.fault is
	'Why it is not taken (NEW), or what went wrong (FAILED, GONE).';
comment on column reportd.report_input.move_at is
	'When it is moved to where `move` says; null: it is not, or was.';
create index report_input_new on reportd.report_input (config_id, input, modified_at, url)
	where state = 'NEW';
create index report_input_request on reportd.report_input (request_id)
	where request_id is not null;
create index report_input_move on reportd.report_input (move_at) where move_at is not null;
create index report_input_moving on reportd.report_input (move_by) where move_by is not null;
create index report_input_old on reportd.report_input (seen_at)
	where state in ('DONE', 'FAILED', 'GONE');

-- ---- what a report may say ----

-- Reads an interval of an input, which must be positive.
create function reportd.input_interval(name text, key text, value jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	given interval;
begin
	begin
		given := (value #>> '{}')::interval;
	exception when others then
		given := null;
	end;
	if jsonb_typeof(value) <> 'string' or given is null or not reportd.is_span(given) then
		perform reportd.refuse(
			format('inputs: "%s.%s" is no time: %s', name, key, left(value::text, 100)),
			'Write an interval such as "10 minutes".');
	end if;
end $$;

-- Writes the place of a path as grants write it.
create function reportd.input_prefix(path text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select case when $1 ~ '^/' then 'file://' || $1 else $1 end
$$;

-- Returns the folder of a pattern: the text up to the last slash before its first * or ?.
create function reportd.input_folder(path text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select regexp_replace(regexp_replace($1, '[*?].*$', ''), '[^/]*$', '')
$$;

create function reportd.may_read(owner regrole, path text, kind text) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return pg_has_role(owner, 'reportd_operator', 'USAGE')
		or exists (select from unnest(reportd.granted_paths(kind, owner)) g
			where starts_with(reportd.input_prefix(
				case when path ~ '[*?]' then reportd.input_folder(path) else path end), g));
end $$;

-- Says whether a URL has only one meaning for all programs, so that its beginning tells
-- where it lies: see https_check() in common/place/https/scheme.h.
create function reportd.is_url(url text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select $1 ~ '^https://([a-z0-9][a-z0-9.-]*|\[[0-9a-f:]+\])(:[0-9]{1,5})?/'
		and $1 !~ '[\x01-\x20\x7f"<>#]'
		and split_part(substr($1, 9), '?', 1) !~* '\\|//|/\.|%2e|%2f|%5c'
$$;

create function reportd.input_url(name text, key text, url text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if key <> 'path' then
		perform reportd.refuse(format('inputs: "%s.%s" is a URL, where no file can be put', name, key),
			'Archive and quarantine are folders, such as s3://archive/orders/.');
	elsif not reportd.is_url(url) or split_part(url, '?', 1) ~ '[*]' or octet_length(url) > 1024 then
		perform reportd.refuse(
			format('inputs: "%s.path" is no URL that can be read: %s', name, left(url, 100)),
			'Write https://host/folder/file.csv: the host in lower case, no user, no *, no part that begins with a dot, 1,024 bytes at most.');
	end if;
	return url;
end $$;

-- The prefixes below which the URLs of an input may lie; null: any.
create function reportd.readable_urls(owner regrole, path text) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return case when path ~ '^https://' and pg_has_role(owner, 'reportd_operator', 'USAGE') is not true
		then to_jsonb(reportd.granted_paths('read', owner)) end;
end $$;

-- Returns a path of an input, or the folder that its files are moved to, in the form that
-- is stored.
create function reportd.input_path(name text, key text, value jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	path text := value #>> '{}';
	what text := format('inputs: "%s.%s"', name, key);
	how constant text := 'Write a pattern such as s3://landing/orders/*.csv or /srv/landing/orders/*.csv, or a URL.';
begin
	if jsonb_typeof(value) is distinct from 'string' or path = '' then
		perform reportd.refuse(what || ' is no path', how);
	end if;
	if path ~* '^https?://' then
		return reportd.input_url(name, key, path);
	end if;
	path := regexp_replace(path, '^file:///', '/');
	if path !~ '^(/|s3://)' or path ~ '[\x01-\x1f\x7f]' or octet_length(path) > 1024 then
		perform reportd.refuse(
			format('%s is no path that can be read: %s', what, left(path, 100)), how);
	elsif path ~ '(^|/)\.' or path ~ '//' and path !~ '^s3://' or path ~ '^s3://.*//' then
		perform reportd.refuse(
			format('%s has an empty part, or one that begins with a dot: %s', what, path),
			'Write each folder by its name.');
	elsif path ~ '^s3://' and substr(path, 6) !~ '^[a-z0-9]([a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]/' then
		perform reportd.refuse(
			format('%s does not begin with a bucket''s name: %s', what, path),
			'Write s3://bucket/folder/*.csv; the bucket as it is, without * and ?.');
	elsif path ~ '^/[^/]*$' then
		perform reportd.refuse(format('%s names no folder: %s', what, path), how);
	elsif key <> 'path' then
		if path ~ '[*?{}%]' or path !~ '/$' then
			perform reportd.refuse(
				format('%s is no folder: %s', what, path),
				'Write a folder that ends in /, such as s3://archive/orders/.');
		end if;
		return path;
	end if;
	if length(path) - length(replace(path, '*', '')) > 20 then
		perform reportd.refuse(format('%s has more than 20 stars', what), how);
	end if;
	return regexp_replace(path, '/$', '/*');
end $$;

-- The keys of an input besides its path: [key, type, allowed].
create function reportd.input_keys() returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select jsonb '{"path": "string", "use": "string", "format": "string",
		"header": "boolean", "delimiter": "string", "columns": "array",
		"normalize_names": "boolean", "min_size": "number", "max_age": "interval",
		"stable_for": "interval", "reject_after": "interval", "required": "boolean",
		"batch": "number", "archive": "folder", "quarantine": "folder",
		"items": "string", "next": "string"}'
$$;

create function reportd.check_input_keys(name text, spec jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	known constant jsonb := reportd.input_keys();
	key text;
	value jsonb;
	type text;
begin
	for key, value in select * from jsonb_each(spec) loop
		type := known ->> key;
		if type is null then
			perform reportd.refuse(format('inputs: "%s" has no "%s"', name, left(key, 100)),
				format('Known: %s.', (select string_agg(k, ', ' order by k)
					from jsonb_object_keys(known) k)));
		elsif type = 'interval' then
			perform reportd.input_interval(name, key, value);
		elsif type in ('string', 'boolean', 'number', 'array') and jsonb_typeof(value) <> type then
			perform reportd.refuse(
				format('inputs: "%s.%s" must be %s %s', name, key,
					case when type ~ '^[aeiou]' then 'an' else 'a' end, type),
				'See inputs in the manual.');
		end if;
	end loop;
end $$;

create function reportd.check_input_columns(name text, columns jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	bad text;
begin
	select c::text into bad from jsonb_array_elements(columns) c
	where not coalesce(jsonb_typeof(c) = 'array' and jsonb_array_length(c) = 2
		and jsonb_typeof(c -> 0) = 'string' and jsonb_typeof(c -> 1) = 'string'
		and octet_length(c ->> 0) between 1 and 63 and c ->> 0 !~ '[\x01-\x1f\x7f]'
		and c ->> 1 ~ '^[A-Za-z][A-Za-z0-9_ ]*(\([0-9]+(, *[0-9]+)?\))?$', false) limit 1;
	if bad is not null or columns = '[]' then
		perform reportd.refuse(
			format('inputs: "%s.columns": "%s" is no column with a type', name, left(bad, 100)),
			'Write [["id", "bigint"], ["amount", "numeric(12,2)"], ["day", "date"]], in the order of the file.');
	end if;
end $$;

-- The numbers, words and combinations of one input.
create function reportd.check_input_values(name text, spec jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	csv constant boolean := coalesce(spec ->> 'format' = 'csv', false);
	bad text;
begin
	if spec ->> 'format' not in ('csv', 'jsonl', 'parquet') then
		perform reportd.refuse(
			format('inputs: "%s.format" is "%s"', name, left(spec ->> 'format', 100)),
			'Write csv, jsonl or parquet.');
	elsif spec ->> 'use' not in ('new', 'latest', 'all') then
		perform reportd.refuse(
			format('inputs: "%s.use" is "%s"', name, left(spec ->> 'use', 100)),
			'Write new (each version of a file once), latest or all.');
	elsif spec ? 'batch' and ((spec ->> 'batch') !~ '^[0-9]+$'
		or (spec ->> 'batch')::numeric not between 1 and 1000) then
		perform reportd.refuse(
			format('inputs: "%s.batch" is %s', name, left(spec ->> 'batch', 100)),
			'Write how many files a request takes at most, 1 to 1000.');
	elsif spec ? 'min_size' and ((spec ->> 'min_size') !~ '^[0-9]+$'
		or (spec ->> 'min_size')::numeric > 1e15) then
		perform reportd.refuse(
			format('inputs: "%s.min_size" is %s', name, left(spec ->> 'min_size', 100)),
			'Write a number of bytes.');
	elsif octet_length(spec ->> 'delimiter') <> 1 or spec ->> 'delimiter' ~ '[\r\n"]' then
		perform reportd.refuse(
			format('inputs: "%s.delimiter" must be one single-byte character, no quote and no line break', name),
			'For example ";".');
	end if;
	select k into bad from jsonb_object_keys(spec) k
	where not csv and k in ('header', 'delimiter', 'normalize_names')
		or not csv and spec ->> 'format' is distinct from 'jsonl' and k = 'columns'
		limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('inputs: "%s" has "%s", which is for the format %s', name, bad,
				case bad when 'columns' then 'csv or jsonl' else 'csv' end),
			'Leave it out, or see inputs in the manual.');
	end if;
	if spec ? 'columns' then
		perform reportd.check_input_columns(name, spec -> 'columns');
	elsif csv and not coalesce((spec ->> 'normalize_names')::boolean, false) then
		perform reportd.refuse(
			format('inputs: "%s" is csv without "columns"', name),
			'Write {"columns": [["id", "bigint"], ["day", "date"]]}, as nothing is guessed; or "normalize_names": true for texts named by the header.');
	end if;
	if (spec ->> 'normalize_names')::boolean and not coalesce((spec ->> 'header')::boolean, true) then
		perform reportd.refuse(
			format('inputs: "%s" has "normalize_names" without a header', name),
			'Leave "header" out, or write "columns".');
	end if;
end $$;

-- Refuses keys of web inputs (https://) in other inputs, and keys of others in a web
-- input.
create function reportd.check_input_web(name text, spec jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	web constant boolean := spec ->> 'path' ~ '^https://';
	bad text;
begin
	select k into bad from unnest('{items,next}'::text[]) k
	where spec ->> k !~ case k when 'items' then '^(/.*)?$' else '^/' end
		or spec ->> k ~ '~([^01]|$)|[\x01-\x1f]' or octet_length(spec ->> k) > 500 limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('inputs: "%s.%s" is no JSON pointer: %s', name, bad, left(spec ->> bad, 100)),
			'Write /data/items for {"data": {"items": [...]}}; "" for items is the whole answer.');
	elsif spec ?| '{items,next}' and not (web and spec ? 'items') then
		perform reportd.refuse(
			format('inputs: "%s" has "%s", which is for JSON answers of https:// with "items"', name,
				case when spec ? 'next' then 'next' else 'items' end),
			'Write {"path": "https://…", "format": "jsonl", "items": "/items", "next": "/next"}, or leave it out.');
	elsif spec ? 'items' and spec ->> 'format' is distinct from 'jsonl' then
		perform reportd.refuse(
			format('inputs: "%s" has "items" without the format jsonl', name),
			'Write "format": "jsonl": each item becomes a line.');
	end if;
	select k into bad from jsonb_object_keys(spec) k
	where spec ? 'items' and k <> all ('{path,format,columns,items,next}')
		or web and k in ('archive', 'quarantine') limit 1;
	if bad is not null then
		perform reportd.refuse(
			format('inputs: "%s" has "%s", which is not for %s', name, bad,
				case when spec ? 'items' then 'a JSON answer, read anew by each run' else 'https://' end),
			'Leave it out, or see inputs in the manual.');
	end if;
end $$;

create function reportd.check_input(name text, spec jsonb) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if name !~ '^[a-z][a-z0-9_]{0,40}$' or strpos(name, '__') > 0 then
		perform reportd.refuse(format('inputs: "%s" is not a name', left(name, 100)),
			'Write a letter, then a-z, 0-9 and single _; it is a relation, and :''NAME__url'' in SQL.');
	end if;
	if jsonb_typeof(spec) = 'string' then
		spec := jsonb_build_object('path', spec);
	elsif jsonb_typeof(spec) <> 'object' then
		perform reportd.refuse(format('inputs: "%s" is neither a path nor an object', name),
			'Write {"orders": "s3://landing/orders/*.csv"} or {"orders": {"path": …, "use": "new"}}.');
	end if;
	perform reportd.check_input_keys(name, spec);
	spec := spec || jsonb_build_object('path', reportd.input_path(name, 'path', spec -> 'path'));
	if spec ? 'archive' then
		spec := spec || jsonb_build_object('archive',
			reportd.input_path(name, 'archive', spec -> 'archive'));
	end if;
	if spec ? 'quarantine' then
		spec := spec || jsonb_build_object('quarantine',
			reportd.input_path(name, 'quarantine', spec -> 'quarantine'));
	end if;
	perform reportd.check_input_values(name, spec);
	perform reportd.check_input_web(name, spec);
	if (spec ->> 'archive' ~ '^/') <> (spec ->> 'path' ~ '^/')
		or (spec ->> 'quarantine' ~ '^/') <> (spec ->> 'path' ~ '^/') then
		perform reportd.refuse(
			format('inputs: "%s" moves files between a local folder and S3', name),
			'Archive and quarantine are folders of the same kind as the path.');
	end if;
	return spec;
end $$;

-- Names the input that the owner may not read or move; null: the owner may use all.
create function reportd.input_denial(c reportd.report_config, out message text, out hint text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	bad record;
begin
	select * into bad from (
		select i.key as name, i.value ->> 'path' as path, 'read' as kind from jsonb_each(c.inputs) i
		union all
		-- A file that is archived is removed from where it was.
		select i.key, i.value ->> 'path', 'write' from jsonb_each(c.inputs) i
		where i.value ?| '{archive,quarantine}'
		union all
		select i.key, f.path, 'write' from jsonb_each(c.inputs) i
		cross join lateral (values (i.value ->> 'archive'), (i.value ->> 'quarantine')) f(path)
		where f.path is not null
		union all
		-- Files in hand that were met before the path changed.
		select f.input, f.url, 'read' from reportd.report_input f
		where f.request_id = c.request_id and f.config_id = c.config_id and f.state = 'TAKEN'
			and starts_with(f.url, reportd.input_folder(c.inputs -> f.input ->> 'path')) is not true) u
	where not reportd.may_read(c.owner, u.path, u.kind) limit 1;
	if found then
		message := format('%s may not %s "%s" (inputs: "%s")', c.owner,
			case bad.kind when 'read' then 'read' else 'move files of' end, bad.path, bad.name);
		hint := format('An operator can allow it by select reportd.grant_path(%L, %L, %L).',
			reportd.input_prefix(reportd.input_folder(bad.path)), c.owner, bad.kind);
	end if;
end $$;

-- Refuses a folder that no daemon lists. Before any daemon has told its folders there is
-- nothing to compare with.
create function reportd.check_local_paths(paths text[]) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	known text[] := array(select distinct f from reportd.running_daemon w
		cross join unnest(w.folders) f order by f);
	bad text;
begin
	select p into bad from unnest(paths) p
	where not exists (select from unnest(known) f where starts_with(p, f)) limit 1;
	if bad is not null and known <> '{}' then
		perform reportd.refuse(format('no daemon reads the folder %s', bad),
			format('Known: %s. Add it to folders in [inputs] of the settings of a daemon.',
				array_to_string(known, ', ')));
	end if;
end $$;

create function reportd.check_inputs(new reportd.report_config) returns reportd.report_config
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	name text;
	spec jsonb;
	checked jsonb := '{}';
begin
	if jsonb_typeof(new.inputs) <> 'object' or new.inputs = '{}' then
		perform reportd.refuse('inputs is no object of inputs',
			'Write {"orders": {"path": "s3://landing/orders/*.csv", "format": "csv"}}, or leave it null.');
	elsif (select count(*) from jsonb_object_keys(new.inputs)) > 20 then
		perform reportd.refuse('inputs has more than 20 entries',
			'Read some of them by a report of its own, and this one after that.');
	end if;
	for name, spec in select * from jsonb_each(new.inputs) loop
		checked := checked || jsonb_build_object(name, reportd.check_input(name, spec));
		if new.parameters ?| array[name || '__url', name || '__files'] then
			perform reportd.refuse(
				format('parameters: "%s__url" and "%s__files" are those of the input', name, name),
				'Choose another name for the parameter or for the input.');
		end if;
	end loop;
	new.inputs := checked;
	perform reportd.check_inputs_apart(new);
	new.local_paths := nullif(array(select distinct reportd.input_folder(p) from (
			select i.value ->> k as p from jsonb_each(checked) i
			cross join unnest('{path,archive,quarantine}'::text[]) k) u
		where p ~ '^/' order by 1), '{}');
	if new.local_paths is not null and new.is_active then
		perform reportd.check_local_paths(new.local_paths);
	end if;
	return new;
end $$;
