-- SPDX-License-Identifier: MIT
-- The functions and views of inputs for people.

create function reportd.check_input_files(
	c reportd.report_config, input text, url text, n bigint
) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	unmoved text;
begin
	if n > 0 then
		return;
	end if;
	select min(f.input) into unmoved from reportd.report_input f
	where f.config_id = c.config_id and f.state = 'FAILED' and f.moved_to is null
		and f.input = coalesce(check_input_files.input, f.input)
		and f.url = coalesce(check_input_files.url, f.url);
	if unmoved is not null then
		perform reportd.refuse(format('the input "%s" of report %s has no quarantine', unmoved, c.config_id),
			format('Give it one: "quarantine", a folder or prefix, in the inputs of report %s.', c.config_id));
	end if;
	perform reportd.refuse(
		format('report %s has no FAILED file%s%s that is still where it was found', c.config_id,
			coalesce(' of input "' || input || '"', ''), coalesce(' ' || url, '')),
		'See moved_to in reportd.v_inputs, or `reportctl inputs ID`.');
end $$;

create function reportd.release_input(
	config_id bigint, input text default null, url text default null
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	n bigint;
	refusal text;
	mend text;
begin
	c := reportd.find_report(config_id);
	update reportd.report_input f
	set state = 'NEW', fault = null, request_id = null, ended_at = null, found_at = now(),
		look_at = '-infinity', move = null, move_at = null, move_error = null
	where f.config_id = c.config_id and f.state = 'FAILED' and f.moved_to is null
		and f.input = coalesce(release_input.input, f.input)
		and f.url = coalesce(release_input.url, f.url);
	get diagnostics n = row_count;
	perform reportd.check_input_files(c, input, url, n);
	perform reportd.ask_look(c);
	return n;
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.release_input is
	'Lets FAILED files of a report be taken once more, by a new request: all, those of an input, or one. Returns how many.';

create function reportd.quarantine_input(
	config_id bigint, input text default null, url text default null
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	n bigint;
	refusal text;
	mend text;
begin
	c := reportd.find_report(config_id);
	update reportd.report_input f set move = 'quarantine', move_at = now(), move_tries = 0
	where f.config_id = c.config_id and f.state = 'FAILED' and f.moved_to is null
		and f.input = coalesce(quarantine_input.input, f.input)
		and f.url = coalesce(quarantine_input.url, f.url)
		and c.inputs -> f.input ? 'quarantine';
	get diagnostics n = row_count;
	perform reportd.check_input_files(c, input, url, n);
	return n;
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.quarantine_input is
	'Moves FAILED files of a report to the quarantine of their input. Returns how many.';

-- The texts stand in a CASE for the reason given in views.sql.
create view reportd.v_inputs with (security_barrier) as
select f.file_id, f.config_id, c.report_key, c.report_name, c.owner,
	case when c.owner::oid > 0 then f.input end as input,
	case when c.owner::oid > 0 then f.url end as url,
	case when c.owner::oid > 0 then f.version end as version, f.size, f.modified_at, f.found_at, f.state,
	case when f.state <> 'NEW' then f.fault
		else coalesce(reportd.file_fault(u.spec, f), case
			when f.seen_at < reportd.quiet_at(u.spec, f) then 'it is not known yet to stay as it is'
			end) end as reason,
	f.request_id, f.ended_at, f.move,
	case when c.owner::oid > 0 then f.moved_to end as moved_to,
	case when c.owner::oid > 0 then f.move_error end as move_error
from reportd.report_input f
join reportd.report_config c on c.config_id = f.config_id
left join reportd.report_input_use u on (u.config_id, u.input) = (f.config_id, f.input)
where (pg_has_role(c.owner, 'USAGE')
		or (select pg_has_role('reportd_viewer', 'USAGE')));
comment on view reportd.v_inputs is
	'The files that reports have met: which are NEW and why one is not taken, TAKEN by which request, DONE, FAILED, and where they went.';

create view reportd.v_zones with (security_barrier) as
select u.config_id, c.report_key, case when c.owner::oid > 0 then u.input end as input,
	case when c.owner::oid > 0 then z.path end as path, z.listed_at, z.took, z.files,
	case when z.list_at < 'infinity' then z.list_at end as list_at,
	case when c.owner::oid > 0 then z.error end as error, z.error_at
from reportd.report_zone z
join reportd.report_input_use u on u.zone_id = z.zone_id
join reportd.report_config c on c.config_id = u.config_id
where (pg_has_role(c.owner, 'USAGE')
		or (select pg_has_role('reportd_viewer', 'USAGE')));
comment on view reportd.v_zones is
	'The folders and prefixes that are listed for the inputs of reports: when that was last done, how long it took, how many files there were, and why it failed.';

alter table reportd.report_zone enable row level security;
alter table reportd.report_input_use enable row level security;
alter table reportd.report_input enable row level security;
do $$
declare
	name text;
begin
	foreach name in array '{report_zone,report_input_use,report_input}'::text[] loop
		execute format('create policy daemon on reportd.%I to reportd_daemon using (true)', name);
	end loop;
end $$;
