-- SPDX-License-Identifier: MIT
-- Compares the reports that `ingest` wants with those that are there.
-- $1 jsonb array of objects: columns of report_config, report_key among them
-- $2 report_type of all reports of this ingest
-- One row: {"reports", "tables"}.
-- reports [{key, config_id, state, given, changes, again, is_active}]: config_id null: it is
-- new; state new, changed, gone (it is active, and no table has it), paused (its change would
-- be lost without a run from the first row, and a paused report has none: it stays as it is)
-- or same; again: rows that lie before its last horizon are to be read.
-- tables [{table, state, drift}]: by the checks that hold their columns; drift in words.
with wanted as (
	select b.value as given, b.value ->> 'report_key' as key,
		to_jsonb(jsonb_populate_record(null::reportd.report_config, b.value)) as columns
	from jsonb_array_elements($1::jsonb) b
), present as (
	select c.config_id, c.report_key as key, c.is_active, to_jsonb(c) as columns
	from reportd.report_config c where c.report_type = $2
), compared as (
	select coalesce(w.key, p.key) as key, p.config_id, p.is_active, w.given,
		case when w.key is null then '{"is_active": false}'::jsonb
			else (select jsonb_object_agg(g.key, g.value) from jsonb_each(w.given) g
				where p.columns -> g.key is distinct from w.columns -> g.key) end as changes,
		exists (select from jsonb_each_text((w.columns #>> '{parameters,since}')::jsonb) s
			where p.config_id is not null and s.value is distinct from
				(p.columns #>> '{parameters,since}')::jsonb ->> s.key) as again
	from wanted w full join present p on p.key = w.key
	where w.key is not null or p.is_active
), reports as (
	select c.key, c.config_id, c.is_active, c.given, c.again, s.state,
		case when s.state <> 'paused' then c.changes end as changes
	from compared c
	cross join lateral (select case when c.config_id is null then 'new'
		when c.given is null then 'gone' when c.again and not c.is_active then 'paused'
		when c.changes is not null then 'changed' else 'same' end) s (state)
), new_tables as (
	select k.value ->> 'name' as name, k.value -> 'schema' as columns
	from wanted w cross join jsonb_array_elements(w.columns -> 'checks') k
	where k.value ? 'schema'
), old_tables as (
	select k.value ->> 'name' as name, k.value -> 'schema' as columns
	from present p cross join jsonb_array_elements(nullif(p.columns -> 'checks', 'null')) k
	where k.value ? 'schema' and p.is_active
), tables as (
	select coalesce(n.name, o.name) as name,
		case when o.name is null then 'new' when n.name is null then 'gone'
			when n.columns <> o.columns then 'changed' else 'same' end as state, (
		select string_agg(case when b.key is null then '+' || a.key || ' ' || a.value
				when a.key is null then '-' || b.key
				else a.key || ' ' || b.value || ' -> ' || a.value end, ', '
			order by coalesce(a.key, b.key))
		from jsonb_each_text(n.columns) a full join jsonb_each_text(o.columns) b on b.key = a.key
		where n.name is not null and o.name is not null
			and a.value is distinct from b.value) as drift
	from new_tables n full join old_tables o on o.name = n.name
)
select json_build_object(
	'reports', coalesce((select json_agg(r order by r.key) from reports r), '[]'),
	'tables', coalesce((select json_agg(json_build_object('table', t.name, 'state', t.state,
		'drift', t.drift) order by t.name) from tables t), '[]'))
