-- SPDX-License-Identifier: MIT
-- The files that a report writes must lie apart from those that it reads: a listing would
-- find them as new files, and the report would run for ever.

-- Returns the beginning of the output's path, as far as the row alone decides it. The
-- worker knows all of it: see check_unread() in daemon/worker/places.c.
create function reportd.output_beginning(c reportd.report_config) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	path text := substring(regexp_replace(c.output_path, '^file:///', '/')
		from '^(?:[^{%]|%%|\{(?:report_name|owner|config_id)\})*');
	known record;
begin
	path := replace(path, '%%', '%');
	for known in
		select '{' || k || '}' as name, translate(v, '/', '_') as value
		from (values ('report_name', c.report_name), ('owner', pg_get_userbyid(c.owner)::text),
			('config_id', c.config_id::text)) u(k, v)
	loop
		-- A dot that would hide a local file or folder becomes _.
		path := replace(path, '/' || known.name, '/' || case when path ~ '^s3://'
			then known.value else regexp_replace(known.value, '^\.', '_') end);
		path := replace(path, known.name, known.value);
	end loop;
	return case when path ~ '^/' then regexp_replace(path, '//+', '/', 'g') else path end;
end $$;

-- Refuses an output, archive or quarantine of any input inside of a folder that is read.
create function reportd.check_inputs_apart(c reportd.report_config) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	bad record;
begin
	select i.key as name, f.folder, w.what, w.shown into bad
	from jsonb_each(c.inputs) i
	cross join lateral (select reportd.input_folder(i.value ->> 'path') as folder) f
	cross join lateral (
		select format(', the %s of "%s"', k, o.key) as what, o.value ->> k as path,
			o.value ->> k as shown
		from jsonb_each(c.inputs) o cross join unnest('{archive,quarantine}'::text[]) k
		union all
		select ', the output', reportd.output_beginning(c), c.output_path) w
	where starts_with(w.path, f.folder) limit 1;
	if found then
		perform reportd.refuse(
			format('inputs: "%s" is read from %s, which holds %s as well%s', bad.name, bad.folder,
				bad.shown, bad.what),
			'Archive, quarantine and output must lie outside of the folders that are read, or the report would find them as new files.');
	end if;
end $$;
