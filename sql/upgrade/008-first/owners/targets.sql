-- SPDX-License-Identifier: MIT
-- Targets: databases whose tables are loaded by reports. Daemons that have a target in
-- their settings make its name known; it is granted to roles, as a source is.

-- Targets that daemons have in their settings. A row stays when no daemon runs.
create table reportd.report_target (
	target text primary key check (target ~ '^[a-z0-9_]{1,40}$'),
	type text not null,
	registered_at timestamptz not null default now(),
	registered_by text not null default session_user,
	seen_at timestamptz not null default now()
);
comment on table reportd.report_target is
	'The targets that reports may name: daemons register theirs at the start, `reportctl targets --register` those of a settings file.';

-- The numbers of requests begin at 1 in every queue, so a target's ledger needs the
-- identity of the queue as well.
create table reportd.queue_identity (
	one boolean primary key default true check (one),
	queue_id uuid not null default gen_random_uuid()
);
comment on table reportd.queue_identity is
	'Tells this queue from others in the ledgers of targets. A copy of the queue that is to work beside it needs another number.';
insert into reportd.queue_identity default values;

create view reportd.v_targets with (security_barrier) as
select t.target, t.type, t.seen_at,
	(select count(*) from reportd.running_daemon w
	 where t.target = any (w.targets)) as daemons,
	(select count(*) from reportd.report_config c
	 where c.status = 'PENDING' and c.is_active and c.due_at <= now()
		and c.due_at < 'infinity' and c.target = t.target
		and (pg_has_role(c.owner, 'USAGE')
			or (select pg_has_role('reportd_viewer', 'USAGE')))) as waiting,
	(select string_agg(case when g.grantee = 0::oid then 'public' else g.grantee::text end, ', '
			order by g.grantee::text)
	 from reportd.report_grant g
	 where g.kind = 'target' and g.name = t.target
		and (g.grantee = 0::oid or pg_has_role(g.grantee, 'USAGE')
			or (select pg_has_role('reportd_viewer', 'USAGE')))) as granted_to
from reportd.report_target t
where (select pg_has_role('reportd_viewer', 'USAGE'))
	or exists (select from reportd.report_grant g
		where g.kind = 'target' and g.name = t.target
			and (g.grantee = 0::oid or pg_has_role(g.grantee, 'USAGE')))
order by t.target;
comment on view reportd.v_targets is
	'The targets that reports may name, how many daemons have each, and how many reports are due for it.';

-- ---- checks at INSERT ----

-- Refuses a target that no daemon has: its tables would never be loaded. Before any
-- daemon has registered there is nothing to compare with.
create function reportd.check_target(target text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	known text;
begin
	if exists (select from reportd.report_target t where t.target = check_target.target)
		or not exists (select from reportd.report_source) then
		return;
	end if;
	select string_agg(t.target, ', ' order by t.target) into known from reportd.report_target t;
	perform reportd.refuse(format('no daemon has a target "%s"', target),
		format('Known: %s. Add [target.NAME] to the settings of the daemons and reload them, or register it by `reportctl targets --register`.',
			coalesce(known, 'none')));
end $$;

-- Returns target, schema and table of table:NAME/schema.table, with names as SQL reads
-- them; null: it is no such address. The rules are those of common/place/table/address.c.
create function reportd.table_parts(address text) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select array[m[1],
		case when m[2] ~ '^"' then replace(substr(m[2], 2, length(m[2]) - 2), '""', '"')
			else translate(m[2], 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') end,
		case when m[3] ~ '^"' then replace(substr(m[3], 2, length(m[3]) - 2), '""', '"')
			else translate(m[3], 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') end]
	from regexp_match(address, '^table:([a-z0-9_]{1,40})/'
		'("(?:[^"]|"")+"|(?:[A-Za-z_]|[^\x01-\x7f])(?:[A-Za-z0-9_$]|[^\x01-\x7f])*)\.'
		'("(?:[^"]|"")+"|(?:[A-Za-z_]|[^\x01-\x7f])(?:[A-Za-z0-9_$]|[^\x01-\x7f])*)$') m
	where m is not null
$$;

-- The messages are those of common/place/table/address.c.
create function reportd.check_table_address(address text) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	parts text[] := reportd.table_parts(address);
	how constant text := 'Write table:NAME/schema.table; NAME is a [target.NAME] of the settings, and other names than a-z, 0-9 and _ are quoted as in SQL: table:dwh/sales."Orders 2026".';
begin
	if address ~ '[\x01-\x1f\x7f]' then
		perform reportd.refuse('the name of a table holds control characters', how);
	elsif parts is null then
		perform reportd.refuse(
			format('"%s" names no table of a target', left(address, 300)), how);
	elsif octet_length(parts[2]) > 63 or octet_length(parts[3]) > 63 then
		perform reportd.refuse(
			format('"%s": a name of PostgreSQL has at most 63 bytes', left(address, 300)), how);
	elsif parts[2] ~ '^pg_' or parts[2] in ('information_schema', 'reportd') then
		perform reportd.refuse(
			format('"%s": no report loads tables of the schema %s', address, parts[2]),
			'Name a schema of your own.');
	end if;
	return parts;
end $$;

-- Without export_sql the files of an input go into the table as they are.
create function reportd.check_table_files(c reportd.report_config, alone boolean) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	kind text := (select t.type from reportd.report_target t
		where t.target = (reportd.table_parts(c.output_path))[1]);
begin
	if c.inputs is null then
		perform reportd.refuse('output_format is TABLE, and there is no export_sql',
			'Write the query whose rows go into the table, or an input whose CSV files do: inputs => ''{"orders": {"path": "s3://landing/orders/*.csv", "format": "csv", "normalize_names": true}}''.');
	elsif (select count(*) from jsonb_object_keys(c.inputs)) > 1
		or not c.inputs @? '$.*.format ? (@ == "csv")' then
		perform reportd.refuse('without export_sql a table takes the files of one input of the format csv',
			'Leave the other inputs out, give it "format": "csv", or write export_sql.');
	elsif not alone then
		perform reportd.refuse('without export_sql there are no rows for files beside the table',
			'Set output_format to TABLE alone, or write export_sql.');
	elsif kind <> 'postgres' then
		perform reportd.refuse(format('a target of type %s takes no files as they are', kind),
			'Write export_sql over a source of type duckdb, in which each input is a relation: select * from orders.');
	elsif c.output_options ? 'max_rows' then
		perform reportd.refuse('output_options: "max_rows" is for rows of export_sql; files go into the table whole',
			'Leave it out, or write export_sql.');
	end if;
end $$;

-- Returns the target that a report with the format TABLE loads. The messages are those of
-- common/place/table/option.c.
create function reportd.check_table(c reportd.report_config, formats reportd.output_format[])
returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	alone boolean := cardinality(formats) = 1;
	options jsonb := coalesce(c.output_options -> 'table', '{}')
		|| coalesce(c.output_options #> '{TABLE,table}', '{}');
	mode text := coalesce(options ->> 'mode', 'append');
	into_table text := options ->> 'into';
	example constant text := 'table:dwh/sales.orders';
begin
	if not exists (select from unnest(formats) f where f.format = 'TABLE') then
		perform reportd.refuse(
			format('output_path "%s" is a table, and output_format is %s',
				c.output_path, c.output_format),
			'Set output_format to TABLE.');
	elsif c.export_sql is null then
		perform reportd.check_table_files(c, alone);
	elsif reportd.statement_count(c.export_sql) > 1 then
		perform reportd.refuse('a table holds the result of one statement, and export_sql has several',
			'Put what prepares the data into prep_sql, or make a report of each.');
	elsif not alone and c.output_path ~* '^table:' then
		perform reportd.refuse('output_format names several formats, and output_path is for their files',
			format('Name the table in output_options: {"table": {"into": "%s"}}.', example));
	elsif not alone and into_table is null then
		perform reportd.refuse('output_format names several formats, and no table for TABLE',
			format('Add output_options {"table": {"into": "%s"}}.', example));
	elsif alone and into_table is not null then
		perform reportd.refuse('output_options: "table.into" is for TABLE beside other formats',
			'Write the table as output_path.');
	elsif alone and c.output_path is null then
		perform reportd.refuse('output_format is TABLE, and output_path names no table',
			format('Write %s; dwh is a [target.dwh] of the settings.', example));
	elsif mode = 'upsert' and not options ? 'key' then
		perform reportd.refuse('output_options: "table": the mode upsert needs "key", the columns of a unique index',
			'For example {"table": {"mode": "upsert", "key": ["order_id"]}}.');
	elsif options ? 'key' and mode <> 'upsert' and (options ->> 'create')::boolean is not true then
		perform reportd.refuse('output_options: "table": "key" is for the mode upsert, or for "create"',
			'Leave it out, or add "mode": "upsert".');
	elsif options ? 'order_by' and mode <> 'upsert' then
		perform reportd.refuse('output_options: "table": "order_by" is for the mode upsert',
			'Leave it out, or add "mode": "upsert".');
	end if;
	return (reportd.check_table_address(case when alone then c.output_path else into_table end))[1];
end $$;
