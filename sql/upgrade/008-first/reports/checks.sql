-- SPDX-License-Identifier: MIT
-- Checks of the data: questions that a run asks before it exports. The functions here check
-- the definition of checks; the answers are kept in report_check, with the run.

create table reportd.report_check (
	run_id bigint not null,
	position int not null,
	config_id bigint not null,
	owner regrole,
	name text not null check (octet_length(name) <= 63),
	severity text not null check (severity in ('error', 'warn')),
	status text not null check (status in ('passed', 'warned', 'failed', 'error')),
	failures bigint,
	total bigint,
	sample jsonb check (jsonb_array_length(sample) <= 20 and octet_length(sample::text) <= 65536),
	message text check (octet_length(message) <= 2000),
	primary key (run_id, position)
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
comment on table reportd.report_check is
	'The results of the checks of a run, in their order. See v_checks.';
comment on column reportd.report_check.failures is
	'How many rows, values or files fail; null: it could not be asked.';
comment on column reportd.report_check.total is
	'How many were looked at; null: not counted.';
comment on column reportd.report_check.sample is
	'Some rows that fail, when the check asks for them: [{"COLUMN": text or null}].';

-- ---- what a report may ask ----

create function reportd.refuse_check(name text, message text, hint text) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	perform reportd.refuse(format('checks: "%s" %s', left(name, 100), message), hint);
end $$;

-- The members of a check: [type, the kinds that have it]; no kinds: all.
create function reportd.check_members() returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select jsonb '{
		"name": ["string"], "severity": ["string"], "weight": ["number"],
		"retry": ["boolean", "sql", "not_null", "unique", "range", "row_count", "fresh", "schema", "reconcile"],
		"sample": ["number", "sql", "not_null", "unique", "range", "reconcile"],
		"mask": ["names", "sql", "not_null", "unique", "range", "reconcile"],
		"at": ["string", "sql", "not_null", "unique", "range", "row_count", "fresh", "schema", "reconcile"],
		"on": ["relation", "not_null", "unique", "range", "row_count", "fresh", "schema"],
		"where": ["string", "not_null", "unique", "range", "row_count", "fresh"],
		"sql": ["query", "sql"],
		"not_null": ["names", "not_null"],
		"unique": ["names", "unique"],
		"range": ["object", "range"],
		"row_count": ["object", "row_count"],
		"fresh": ["object", "fresh"],
		"schema": ["object", "schema"],
		"reconcile": ["queries", "reconcile"],
		"file": ["string", "file"],
		"exists": ["boolean", "file"], "min_size": ["number", "file"],
		"max_age": ["interval", "file"], "whole": ["boolean", "file"]}'
$$;

-- The kind of a check: the name of the one member that holds the question.
create function reportd.check_kind(name text, spec jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	kinds constant text[] := '{sql,not_null,unique,range,row_count,fresh,schema,reconcile,file}';
	found_kinds text[] := array(select k from unnest(kinds) k where spec ? k);
begin
	if cardinality(found_kinds) <> 1 then
		perform reportd.refuse_check(name,
			case when found_kinds = '{}' then 'asks nothing'
				else format('asks several things: %s', array_to_string(found_kinds, ', ')) end,
			format('Give it one of %s.', array_to_string(kinds, ', ')));
	end if;
	return found_kinds[1];
end $$;

-- Names of columns: one, or an array. Returns the array.
create function reportd.check_columns(name text, member text, value jsonb) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if jsonb_typeof(value) = 'string' then
		value := jsonb_build_array(value);
	end if;
	if jsonb_typeof(value) <> 'array' or jsonb_array_length(value) not between 1 and 32
		or exists (select from jsonb_array_elements(value) v
			where jsonb_typeof(v) <> 'string' or octet_length(v #>> '{}') not between 1 and 128
				or v #>> '{}' ~ '[\x01-\x1f\x7f]') then
		perform reportd.refuse_check(name, format('has "%s" without names of columns', member),
			format('Write {"%s": "order_id"} or {"%s": ["day", "shop"]}, up to 32.', member, member));
	end if;
	return value;
end $$;

create function reportd.check_query(name text, member text, sql text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	what constant text := format('checks: "%s": %s', name, member);
begin
	perform reportd.check_closed(what, sql);
	if reportd.statement_count(sql) <> 1 then
		perform reportd.refuse(
			format('%s holds %s statements; it is one query', what, reportd.statement_count(sql)),
			'Write a query of the rows that fail, such as select * from sales.orders where amount < 0.');
	end if;
end $$;

-- Checks the type and the form of one member.
create function reportd.check_member(name text, member text, type text, value jsonb) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	given text := value #>> '{}';
	span interval;
begin
	if type in ('string', 'number', 'boolean', 'object') and jsonb_typeof(value) <> type then
		perform reportd.refuse_check(name, format('has a "%s" that is no %s', member, type),
			'See checks in the manual.');
	elsif type = 'names' then
		return reportd.check_columns(name, member, value);
	elsif type = 'relation' and (jsonb_typeof(value) <> 'string' or given !~
			'^("([^"\x01-\x1f]|"")+"|[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*)(\.("([^"\x01-\x1f]|"")+"|[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*)){0,2}$'
			or octet_length(given) > 300) then
		perform reportd.refuse_check(name, '"on" names no relation',
			'Write it as in SQL: sales.orders or sales."Orders". For a query use "sql".');
	elsif type = 'query' then
		if jsonb_typeof(value) <> 'string' then
			perform reportd.refuse_check(name, format('has a "%s" that is no text', member),
				'Write a query of the rows that fail.');
		end if;
		perform reportd.check_query(name, member, given);
	elsif type = 'queries' then
		if jsonb_typeof(value) <> 'array' or jsonb_array_length(value) <> 2
			or exists (select from jsonb_array_elements(value) v where jsonb_typeof(v) <> 'string') then
			perform reportd.refuse_check(name, '"reconcile" is no pair of queries',
				'Write ["select sum(amount) from a", "select sum(amount) from b"].');
		end if;
		perform reportd.check_query(name, member, v #>> '{}') from jsonb_array_elements(value) v;
	elsif type = 'interval' then
		begin
			span := given::interval;
		exception when others then
			span := null;
		end;
		if jsonb_typeof(value) <> 'string' or (span > interval '0' and span < interval '100 years') is not true then
			perform reportd.refuse_check(name, format('has a "%s" that is no time', member),
				'Write an interval such as "24 hours".');
		end if;
		-- As every source reads it.
		return to_jsonb(greatest(1, extract(epoch from span)::bigint) || ' seconds');
	elsif type = 'string' and octet_length(given) > 65536 or type = 'string' and given !~ '\S' then
		perform reportd.refuse_check(name, format('has a "%s" that is empty or too long', member),
			'Write 1 to 65536 bytes.');
	end if;
	return value;
end $$;

-- Checks a bound of a range: a number, or a text such as a date or :'parameter'.
create function reportd.check_bound(name text, member text, bound jsonb, whole boolean) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if bound is not null and not (
		jsonb_typeof(bound) = 'number' and octet_length(bound::text) <= 100
			and (not whole or bound::text ~ '^[0-9]{1,18}$')
		or not whole and jsonb_typeof(bound) = 'string' and octet_length(bound #>> '{}') <= 1000) then
		perform reportd.refuse_check(name, format('has a "%s" that is no bound', member),
			case when whole then 'Write a whole number of rows.'
				else 'Write a number, or a text such as "2026-01-01" or ":''day''".' end);
	end if;
end $$;

-- Checks a question that is an object, such as that of range or fresh.
create function reportd.check_object(name text, kind text, value jsonb) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	known constant text[] := case kind when 'range' then '{column,max,min}'
		when 'row_count' then '{max,min}' when 'fresh' then '{column,max_age}' end;
	bad text;
begin
	if kind = 'schema' then
		select k into bad from jsonb_each(value) e(k, v)
		where octet_length(k) not between 1 and 128 or k ~ '[\x01-\x1f\x7f]' or jsonb_typeof(v) <> 'string'
			or v #>> '{}' !~ '^[A-Za-z][A-Za-z0-9_ ]{0,60}(\([0-9]{1,4}(, ?[0-9]{1,4})?\))?( with(out)? time zone)?(\[\])?$' limit 1;
		if bad is not null or value = '{}' or (select count(*) from jsonb_object_keys(value)) > 1000 then
			perform reportd.refuse_check(name, coalesce(
				format('has a "schema" whose column "%s" has no type', left(bad, 100)),
				'has a "schema" without columns, or with more than 1000'),
				'Write {"schema": {"id": "bigint", "amount": "numeric(12,2)"}}.');
		end if;
		return value;
	end if;
	select k into bad from jsonb_object_keys(value) k where k <> all (known) limit 1;
	if bad is not null then
		perform reportd.refuse_check(name, format('has no "%s.%s"', kind, left(bad, 100)),
			format('Known: %s.', array_to_string(known, ', ')));
	end if;
	if kind <> 'row_count' and (jsonb_typeof(value -> 'column') is distinct from 'string') then
		perform reportd.refuse_check(name, format('has a "%s" without a column', kind),
			format('Write {"%s": {"column": "created_at", …}}.', kind));
	elsif value ? 'column' then
		perform reportd.check_columns(name, kind, value -> 'column');
	end if;
	if kind = 'fresh' then
		return jsonb_set(value, '{max_age}', reportd.check_member(name, 'fresh.max_age', 'interval',
			coalesce(value -> 'max_age', 'null')));
	elsif not value ?| '{min,max}' then
		perform reportd.refuse_check(name, format('has a "%s" without "min" and "max"', kind),
			'Write one of them or both.');
	end if;
	perform reportd.check_bound(name, kind || '.' || k, value -> k, kind = 'row_count')
	from unnest('{min,max}'::text[]) k;
	return value;
end $$;

-- Checks the weight of a check, and the members about its sample.
create function reportd.check_amounts(name text, spec jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if spec ->> 'severity' not in ('error', 'warn') then
		perform reportd.refuse_check(name, format('has the severity "%s"', left(spec ->> 'severity', 100)),
			'Write error (the run fails) or warn (it is said, and the run goes on).');
	elsif spec ? 'weight' and ((spec ->> 'weight')::numeric between 0.001 and 1000000) is not true then
		perform reportd.refuse_check(name, format('has the weight %s', left(spec ->> 'weight', 100)),
			'Write a number from 0.001 to 1000000; without one it is 1.');
	elsif spec ? 'sample' and (spec ->> 'sample' ~ '^[0-9]{1,2}$' and (spec ->> 'sample')::int <= 20) is not true then
		perform reportd.refuse_check(name, format('keeps a sample of %s rows', left(spec ->> 'sample', 100)),
			'Write 0 (none) to 20.');
	elsif spec ? 'mask' and coalesce((spec ->> 'sample')::int, 0) = 0 then
		perform reportd.refuse_check(name, 'has a "mask" without a "sample"',
			'Add "sample": 5, or leave the mask out: without a sample no row is kept.');
	elsif spec ? 'min_size' and (spec ->> 'min_size' ~ '^[0-9]{1,15}$') is not true then
		perform reportd.refuse_check(name, format('has a min_size of %s', left(spec ->> 'min_size', 100)),
			'Write a number of bytes.');
	end if;
end $$;

-- Checks where a check is asked: in the source, or of the rows on their way into a target.
create function reportd.check_at(c reportd.report_config, name text, spec jsonb) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if spec ->> 'at' not in ('source', 'target') then
		perform reportd.refuse_check(name, format('is asked at "%s"', left(spec ->> 'at', 100)),
			'Write "target" (the rows on their way into the table) or "source".');
	elsif spec ->> 'at' = 'target' and c.target is null then
		perform reportd.refuse_check(name, 'is asked at the target, which the report does not have',
			'Leave "at" out, or load a table: output_format TABLE.');
	end if;
end $$;

create function reportd.check_one(c reportd.report_config, spec jsonb) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	members constant jsonb := reportd.check_members();
	name text := spec ->> 'name';
	kind text;
	member text;
	value jsonb;
	checked jsonb := '{}';
begin
	-- Signs that nobody sees are those of check_path().
	if jsonb_typeof(spec -> 'name') is distinct from 'string' or octet_length(name) not between 1 and 63
		or name !~ '\S' or name ~ '[\x01-\x1f\x7f\u0080-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]' then
		perform reportd.refuse('checks: one has no name',
			'Give each {"name": "ids are unique", …}: 1 to 63 bytes of a line of text.');
	end if;
	kind := reportd.check_kind(name, spec);
	for member, value in select * from jsonb_each(spec) loop
		if not members ? member then
			perform reportd.refuse_check(name, format('has no "%s"', left(member, 100)),
				format('Known: %s.', (select string_agg(k, ', ' order by k)
					from jsonb_object_keys(members) k)));
		elsif jsonb_array_length(members -> member) > 1 and not (members -> member) - 0 ? kind then
			perform reportd.refuse_check(name, format('has "%s", which is not for %s', member, kind),
				'See checks in the manual.');
		end if;
		value := reportd.check_member(name, member, members -> member ->> 0, value);
		checked := checked || jsonb_build_object(member, case when member = kind
				and jsonb_typeof(value) = 'object' then reportd.check_object(name, kind, value)
			else value end);
	end loop;
	perform reportd.check_amounts(name, spec);
	perform reportd.check_at(c, name, spec);
	if spec ->> 'at' = 'target' and (members -> 'on') - 0 ? kind and not spec ? 'on' then
		return checked || '{"on": "reportd_stage"}';
	end if;
	if (members -> 'on') - 0 ? kind and not spec ? 'on' then
		perform reportd.refuse_check(name, format('asks "%s" of no relation', kind),
			'Add "on": "sales.orders".');
	elsif kind = 'file' and not coalesce(c.inputs ? (spec ->> 'file'), false) then
		perform reportd.refuse_check(name, format('is about the input "%s", which the report does not have',
			left(spec ->> 'file', 100)), 'Name one of inputs.');
	elsif kind = 'file' and not spec ?| '{exists,min_size,max_age,whole}' then
		perform reportd.refuse_check(name, 'asks nothing of its files',
			'Add "exists": true, "min_size", "max_age" or "whole": true.');
	end if;
	return checked;
end $$;

-- Returns the checks in the form in which they are stored.
create function reportd.check_checks(c reportd.report_config) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	spec jsonb;
	checked jsonb := '[]';
	twice text;
begin
	if c.checks = '[]' then
		perform reportd.refuse('checks is empty', 'Leave it null for no checks: null takes checks away, too.');
	elsif jsonb_typeof(c.checks) <> 'array' then
		perform reportd.refuse('checks is no array of checks',
			'Write [{"name": "amounts", "sql": "select * from sales.orders where amount < 0"}], or leave it null.');
	elsif jsonb_array_length(c.checks) > 100 then
		perform reportd.refuse(format('checks has %s entries; at most 100 are taken',
			jsonb_array_length(c.checks)), 'Ask some of them in a report of its own, and run this one after it.');
	elsif octet_length(c.checks::text) > 262144 then
		perform reportd.refuse(format('checks has %s bytes; at most 262144 are taken',
			octet_length(c.checks::text)), 'Put long queries into views.');
	end if;
	for spec in select * from jsonb_array_elements(c.checks) loop
		if jsonb_typeof(spec) <> 'object' then
			perform reportd.refuse('checks: one is no object',
				'Write {"name": "amounts", "sql": "select * from sales.orders where amount < 0"}.');
		end if;
		checked := checked || jsonb_build_array(reportd.check_one(c, spec));
	end loop;
	select v ->> 'name' into twice from jsonb_array_elements(checked) v
	group by v ->> 'name' having count(*) > 1 limit 1;
	if twice is not null then
		perform reportd.refuse_check(twice, 'is there twice', 'Give each check a name of its own.');
	end if;
	return checked;
end $$;

create function reportd.check_score(c reportd.report_config) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if c.min_score not between 0 and 100 then
		perform reportd.refuse(format('min_score %s is out of range', c.min_score),
			'Write 0 to 100: the share of the checks, by weight, that must pass.');
	elsif c.checks is null then
		perform reportd.refuse('min_score is set and there are no checks',
			'Add checks, or leave min_score out.');
	end if;
end $$;

-- Returns the SQL texts within checks, which may hold parameters.
create function reportd.check_texts(checks jsonb) returns setof text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select t #>> '{}' from jsonb_path_query($1, 'strict $.**') t where jsonb_typeof(t) = 'string'
$$;

-- ---- what a run gets, and what it brings ----

-- Returns the checks of a report for its worker.
create function reportd.gate(c reportd.report_config) returns json
language sql stable set search_path = pg_catalog, pg_temp as $$
	select json_build_object('checks', $1.checks, 'min_score', $1.min_score,
		'now_ms', (extract(epoch from clock_timestamp()) * 1000)::bigint)
$$;

-- Returns the part of a worker's answer that is stored: 100 checks at most, and 64 kB of
-- samples in all. These limits hold whatever a worker sends.
create function reportd.kept_checks(checks jsonb)
returns table (place bigint, name text, severity text, status text, failures bigint,
	total bigint, sample jsonb, message text)
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select k.place, k.name, k.severity, k.status, k.failures, k.total,
		case when jsonb_array_length(k.sample) <= 20
			and sum(coalesce(octet_length(k.sample::text), 0)) over (order by k.place) <= 65536
			then k.sample end, k.message
	from (
		select e.place, left(e.v ->> 'name', case when octet_length(left(e.v ->> 'name', 63)) <= 63
				then 63 else 15 end) as name,
			case e.v ->> 'severity' when 'warn' then 'warn' else 'error' end as severity,
			case when e.v ->> 'status' in ('passed', 'warned', 'failed') then e.v ->> 'status'
				else 'error' end as status,
			(e.v ->> 'failures')::bigint as failures, (e.v ->> 'total')::bigint as total,
			case when jsonb_typeof(e.v -> 'sample') = 'array' then e.v -> 'sample' end as sample,
			left(e.v ->> 'message', 500) as message
		from jsonb_array_elements(case jsonb_typeof($1) when 'array' then $1 else '[]' end)
			with ordinality e(v, place)
		where e.place <= 100) k
$$;

-- Stores what a worker says of a run's checks; samples: also their samples.
create function reportd.keep_checks(
	run_id bigint, config_id bigint, owner regrole, checks jsonb, samples boolean
) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
	insert into reportd.report_check (run_id, position, config_id, owner, name, severity,
		status, failures, total, sample, message)
	select $1, k.place, $2, $3, k.name, k.severity, k.status, k.failures, k.total,
		case when $5 then k.sample end, k.message
	from reportd.kept_checks($4) k
$$;

-- The texts stand in a CASE for the reason given in views.sql.
create view reportd.v_checks with (security_barrier) as
select k.run_id, k.position, k.config_id, case when k.owner::oid > 0 then c.report_key end as report_key,
	case when k.owner::oid > 0 then r.report_name end as report_name, k.owner, r.request_id,
	r.scheduled_for, r.finished_at, k.name, k.severity, k.status, k.failures, k.total, k.sample,
	k.message, r.score
from reportd.report_check k
left join reportd.report_run r on r.run_id = k.run_id
left join reportd.report_config c on c.config_id = k.config_id
where (pg_has_role(k.owner, 'USAGE')
		or (select pg_has_role('reportd_viewer', 'USAGE')));
comment on view reportd.v_checks is
	'The checks of runs: which passed, warned or failed, with how many rows, and a sample of these where one was asked for.';
