-- SPDX-License-Identifier: MIT
-- Values that requests hand on: `result_sql` and the horizon make them, and parameters read them.
-- :'last__x' is the column x of the last result of the same report; :'after__KEY__x' is that of
-- the report KEY that it ran after.

-- Names that :'after__KEY__x' has besides the columns of the result; no column of a result may
-- have one of these.
create function reportd.built_in_values() returns text[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select '{horizon,output_url,outputs,row_count,run_id}'::text[]
$$;

-- Writes a time for the SQL of a report, in the same form whatever the session's settings are.
create function reportd.exact_time(at timestamptz) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
	select to_char($1 at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'
$$;

-- Returns the report in run_after that a name after__KEY__x means. A key may end in _, so the
-- longest key that fits counts.
create function reportd.link_key(name text, run_after text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select k from unnest($2) k where starts_with($1, 'after__' || k || '__')
	order by length(k) desc limit 1
$$;

-- Returns the column x in a name after__KEY__x.
create function reportd.link_column(name text, key text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select substr($1, length('after__' || $2 || '__') + 1)
$$;

-- Checks the name of one such parameter.
create function reportd.check_link(c reportd.report_config, name text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	key text := reportd.link_key(name, c.run_after);
	parent reportd.report_config;
begin
	if name in ('last__', 'after__') or key is not null and reportd.link_column(name, key) = '' then
		perform reportd.refuse(format('the parameter :''%s'' names no column', name),
			'Write :''last__COLUMN'' or :''after__KEY__COLUMN''.');
	elsif name ~ '^last__' and c.result_sql is null then
		perform reportd.refuse(
			format('the parameter :''%s'' needs result_sql, which this report does not have', name),
			'Write a query of one row into result_sql: its columns are kept for the next run.');
	elsif name ~ '^after__' and key is null then
		perform reportd.refuse(
			format('the parameter :''%s'' names no report of run_after', name),
			format('Write :''after__KEY__COLUMN'' with a key of run_after, which has %s.',
				coalesce(array_to_string(c.run_after, ', '), 'none')));
	elsif name !~ '^after__' or reportd.link_column(name, key) = any (reportd.built_in_values()) then
		return;
	end if;
	select * into parent from reportd.report_config p where p.report_key = key;
	if parent.result_sql is null then
		perform reportd.refuse(
			format('the parameter :''%s'': report "%s" has no result_sql', name, key),
			format('Give it one that has a column "%s"; without one there are %s.',
				reportd.link_column(name, key),
				array_to_string(reportd.built_in_values(), ', ')));
	end if;
end $$;

-- The names of such parameters in the SQL of a report; null: none, as nearly always.
create function reportd.find_links(c reportd.report_config) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	names text[];
	name text;
begin
	select array_agg(distinct n order by n) into names
	from unnest(array[c.prep_sql, c.export_sql, c.result_sql]
		|| array(select reportd.check_texts(c.checks))) sql
	cross join unnest((reportd.scan_sql(sql)).names) n
	where n ~ '^(last|after)__' or n = 'horizon';
	-- A claim looks up each of them.
	if cardinality(names) > 100 then
		perform reportd.refuse(
			format('the SQL names %s values of earlier requests; at most 100 are taken',
				cardinality(names)),
			'Let result_sql return few columns, such as one JSON text of many values.');
	end if;
	foreach name in array coalesce(names, '{}') loop
		perform reportd.check_link(c, name)
		where name not in ('horizon', 'last__horizon');
	end loop;
	if 'last__horizon' = any (names) and not 'horizon' = any (names) then
		perform reportd.refuse('the parameter :''last__horizon'' is never set without :''horizon''',
			'Read up to the horizon: where updated_at >= coalesce(:''last__horizon'', ''-infinity'')::timestamptz and updated_at < :''horizon''.');
	end if;
	if 'horizon' = any (names)
		and coalesce(c.prep_sql, c.export_sql, c.result_sql) is null
		and not coalesce(c.checks @? '$[*] ? (!exists(@.file) && !(@.at == "target"))', false) then
		perform reportd.refuse(
			'the parameter :''horizon'' is a time of the source, and nothing of this report reads one',
			'Leave it out, or write an export_sql.');
	end if;
	return names;
end $$;

create function reportd.check_result(c reportd.report_config) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	perform reportd.check_closed('result_sql', c.result_sql);
	if reportd.statement_count(c.result_sql) <> 1 then
		perform reportd.refuse(
			format('result_sql holds %s statements; it is one query of one row',
				reportd.statement_count(c.result_sql)),
			'Write a query such as select max(id) as max_id, count(*) as orders from sales.orders.');
	end if;
end $$;

-- Refuses a change that takes away a result which other reports read.
create function reportd.refuse_without_result(c reportd.report_config) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if exists (
		select from reportd.report_dependency d
		join reportd.report_config k on k.config_id = d.child_id
		cross join unnest(k.links) n
		where d.parent_id = c.config_id and reportd.link_key(n, k.run_after) = c.report_key
			and reportd.link_column(n, c.report_key) <> all (reportd.built_in_values())) then
		perform reportd.refuse_needed(c, format('the result_sql of report %s cannot go, others read its result',
			c.config_id));
	end if;
end $$;

-- ---- what the claim puts into a job ----

-- The horizon of a request that was tried before; null: none was fixed. All attempts of a request
-- read up to the same horizon.
create function reportd.fixed_horizon(c reportd.report_config) returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp as $$
	select coalesce(
		(select q.horizon from reportd.report_request q where q.request_id = $1.request_id),
		(select r.horizon from (
			select k.request_id, k.horizon from reportd.report_run k
			where k.config_id = $1.config_id order by k.run_id desc limit 50) r
		 where r.request_id = $1.request_id and r.horizon is not null limit 1))
$$;

-- Returns the request of a parent (a report in run_after) whose values a request gets: the one
-- that it waited for or, when it did not wait, the newest.
create function reportd.parent_request(
	parent reportd.report_config, satisfied_by jsonb, out q reportd.report_request, out error text
) language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	waited_for bigint := (satisfied_by ->> parent.config_id::text)::bigint;
begin
	if waited_for is null then
		select * into q from reportd.report_request r
		where r.config_id = parent.config_id and r.newest limit 1;
		return;
	end if;
	select * into q from reportd.report_request r where r.request_id = waited_for;
	if q.request_id is null then
		error := format('request %s of report "%s", which this one waited for, is not kept any more; ask for a new run by reportd.run_now()',
			waited_for, reportd.label(parent));
	end if;
end $$;

-- Returns one value of a parent's request.
create function reportd.parent_value(
	q reportd.report_request, name text, column_name text, out value text, out error text
) language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	case column_name
		when 'run_id' then value := q.run_id;
		when 'row_count' then value := q.row_count;
		when 'output_url' then value := q.output_url;
		when 'horizon' then value := reportd.exact_time(q.horizon);
		when 'outputs' then
			value := coalesce(q.outputs, case when q.output_url is not null then
				jsonb_build_array(jsonb_build_object('url', q.output_url, 'rows', q.row_count))
				end);
		else
			value := q.result ->> column_name;
			if q.request_id is not null and not coalesce(q.result ? column_name, false) then
				error := format('the result of request %s has no column "%s" for :''%s''; it has %s',
					q.request_id, column_name, name, coalesce(
						(select string_agg(k, ', ' order by k) from jsonb_object_keys(q.result) k),
						'none'));
			end if;
	end case;
end $$;

-- Returns the values of earlier requests that the SQL of a report reads: {"values": {NAME: text
-- or null}, "last_horizon", "fixed_horizon", "overlap_ms"}, or {"error"}: the report then fails
-- with this error.
create function reportd.linked(c reportd.report_config) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
	last reportd.report_request;
	waited jsonb;
	parent reportd.report_config;
	theirs record;
	one record;
	name text;
	key text;
	got jsonb := '{}';
begin
	select * into last from reportd.report_request q
	where q.config_id = c.config_id and q.newest limit 1;
	select q.satisfied_by into waited from reportd.report_request q
	where q.request_id = c.request_id;
	foreach name in array c.links loop
		key := reportd.link_key(name, c.run_after);
		if name = 'last__horizon' then
			got := got || jsonb_build_object(name, reportd.exact_time(last.horizon));
		elsif name ~ '^last__' then
			got := got || jsonb_build_object(name, last.result ->> substr(name, 7));
		elsif key is not null then
			select * into parent from reportd.report_config p where p.report_key = key;
			if not coalesce(reportd.sees(c.owner, parent.owner), false) then
				return jsonb_build_object('error',
					format('there is no report with the key "%s" that %s may see', key, c.owner));
			end if;
			select * into theirs from reportd.parent_request(parent, waited);
			select * into one from reportd.parent_value(theirs.q, name, reportd.link_column(name, key));
			if coalesce(theirs.error, one.error) is not null then
				return jsonb_build_object('error', coalesce(theirs.error, one.error));
			end if;
			got := got || jsonb_build_object(name, one.value);
		end if;
	end loop;
	return jsonb_build_object('values', got) || case when 'horizon' = any (c.links) then
		jsonb_build_object('last_horizon', reportd.exact_time(last.horizon),
			'fixed_horizon', reportd.exact_time(reportd.fixed_horizon(c)),
			'overlap_ms', (extract(epoch from c.horizon_overlap) * 1000)::bigint)
		else '{}' end;
end $$;
