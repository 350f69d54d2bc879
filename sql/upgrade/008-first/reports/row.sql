-- SPDX-License-Identifier: MIT
-- The INSERT itself refuses a wrong row, with a message that says what to write instead.

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

-- Limits in bytes, so that each row can be claimed, run and reported. The SQL has a
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
			('inputs', octet_length(c.inputs::text), 65536),
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

-- The daemon's statements add these intervals to times, for the reports of all owners at
-- once.
create function reportd.check_spans(c reportd.report_config) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	bad record;
begin
	-- A run counts in milliseconds, and 0 of them would be no limit.
	if extract(epoch from c.timeout) < 0.001 then
		perform reportd.refuse(
			format('timeout %s is shorter than a millisecond', c.timeout),
			'Write an interval such as ''10 minutes'', or null for the default of the settings.');
	end if;
	select * into bad from (values ('timeout', c.timeout), ('wait_timeout', c.wait_timeout),
		('horizon_overlap', c.horizon_overlap)) as l(name, span)
	where not reportd.is_span(span) limit 1;
	if found then
		perform reportd.refuse(
			format('%s %s is longer than 100 years, or has a part below zero', bad.name, bad.span),
			'Write an interval such as ''6 hours'', or null for the default.');
	elsif c.horizon_overlap = interval '0' then
		perform reportd.refuse('horizon_overlap must be longer than 0',
			'Write an interval such as ''6 hours'', or leave it null.');
	end if;
end $$;

-- Refuses a row with a word or a number that its column does not take. It is called for
-- such rows only: the trigger knows the same rules.
create function reportd.refuse_word(c reportd.report_config) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if c.trigger_type is null or c.trigger_type not in ('ADHOC', 'SCHEDULED', 'AFTER', 'FILE') then
		perform reportd.refuse(
			format('unknown trigger_type "%s"', c.trigger_type),
			'Write ADHOC (once, as soon as possible), SCHEDULED (with a schedule_expression), AFTER (with run_after) or FILE (with inputs).');
	elsif c.misfire_policy is null or c.misfire_policy not in ('LATEST', 'SKIP', 'ALL') then
		perform reportd.refuse(
			format('unknown misfire_policy "%s"', c.misfire_policy),
			'Write LATEST (one run for the newest missed time), SKIP or ALL.');
	elsif c.status is null or c.status not in
		('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED') then
		perform reportd.refuse(
			format('unknown status "%s"', c.status),
			'Leave status out: a report starts as PENDING.');
	elsif c.source is null or c.source !~ '^[a-z0-9_]{1,40}$' then
		perform reportd.refuse(
			format('source "%s" is not a name', c.source),
			'Write the name of a [source.NAME] of the settings: a-z, 0-9 and _; default is ''default''.');
	elsif c.time_zone is null then
		perform reportd.refuse('time_zone is null',
			'Write a zone such as ''Europe/Berlin'', or leave it out for UTC.');
	elsif c.priority is null or c.priority not between 1 and 5 then
		perform reportd.refuse(
			format('priority %s is out of range', coalesce(c.priority::text, 'null')),
			'Write 1 (first) to 5 (last).');
	elsif c.max_retries is null or c.max_retries not between 0 and 100 then
		perform reportd.refuse(
			format('max_retries %s is out of range', coalesce(c.max_retries::text, 'null')),
			'Write 0 (no retry) to 100.');
	end if;
	perform reportd.refuse('a new report cannot be PROCESSING',
		'Leave status out: a report starts as PENDING.');
end $$;

-- An encoding is stored by its one proper name, whatever alias was written; one that CSV
-- has another for stays as it is.
create function reportd.name_encodings(output_options jsonb) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	o jsonb := output_options;
begin
	if o ? 'encoding' then
		o := jsonb_set(o, '{encoding}',
			coalesce(reportd.encoding_name(o ->> 'encoding'), o -> 'encoding'));
	end if;
	if o -> 'CSV' ? 'encoding' then
		o := jsonb_set(o, '{CSV,encoding}', reportd.encoding_name(o #>> '{CSV,encoding}'));
	end if;
	return o;
end $$;

create function reportd.report_config_check() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	formats reportd.output_format[];
	operator boolean;
	fresh boolean; -- it may be used from now on
	message text;
	hint text;
begin
	-- Plain expressions let through the values that most reports have; functions are
	-- called for the rest, and for messages.
	new.trigger_type := upper(new.trigger_type);
	if tg_op = 'INSERT' then
		-- Operators may submit for others; so do inboxes, and nobody else can set an
		-- external_id.
		if new.owner is null or new.external_id is null
			and not pg_has_role(reportd.acting_role(), 'reportd_operator', 'USAGE') then
			new.owner := case when current_setting('role') = 'none'
				then to_regrole(quote_ident(session_user))
				else reportd.acting_role()::regrole end;
			if new.owner is null then
				perform reportd.refuse(format('the session''s role "%s" is not the one that was set, or not %I''s any more',
					current_setting('role'), session_user), 'Set the role again.');
			end if;
		end if;
	end if;
	if new.request_id is null and new.trigger_type = 'ADHOC' and new.inputs is null then
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
	-- A report at rest keeps its inputs, as what it may not use any more; others it may
	-- not be given: what lists files for them does not ask whether they are sound.
	fresh := tg_op = 'INSERT' or new.is_active or new.inputs is distinct from old.inputs;
	if new.inputs is not null and fresh then
		new := reportd.check_inputs(new);
	elsif new.inputs is null then
		new.local_paths := null;
	end if;
	if new.trigger_type = 'FILE' then
		perform reportd.check_file_trigger(new);
	end if;
	-- Numbers like 1e131071 are small on disk and long as text.
	if pg_column_size(new) > 2000 or octet_length(new.parameters::text) > 262144
		or octet_length(new.output_options::text) > 65536
		or coalesce(new.run_parameters, new.inputs) is not null
		or octet_length(new.report_type) > 200
		or octet_length(new.schedule_expression) > 200 or octet_length(new.time_zone) > 100
		or octet_length(new.output_path) > 4096 or octet_length(new.output_format) > 200
		or new.report_type ~ '[\x01-\x1f\x7f]' then
		perform reportd.check_sizes(new);
	end if;
	if (new.trigger_type in ('ADHOC', 'SCHEDULED', 'AFTER', 'FILE')
		and new.misfire_policy in ('LATEST', 'SKIP', 'ALL')
		and new.status in ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED')
		and (tg_op <> 'INSERT' or new.status <> 'PROCESSING')
		and new.source ~ '^[a-z0-9_]{1,40}$' and new.time_zone is not null
		and new.priority between 1 and 5 and new.max_retries between 0 and 100) is not true then
		perform reportd.refuse_word(new);
	end if;
	if coalesce(new.timeout, new.wait_timeout, new.horizon_overlap) is not null then
		perform reportd.check_spans(new);
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
	new.result_sql := nullif(btrim(new.result_sql, E'\uFEFF \t\r\n'), '');
	if coalesce(new.prep_sql, new.export_sql, new.result_sql) is null and new.checks is null
		and strpos(new.output_format, 'TABLE') = 0 then
		perform reportd.refuse(
			format('report "%s" has neither prep_sql nor export_sql', new.report_name),
			'Give export_sql (a query to export), prep_sql (statements that build tables), checks, or several of them.');
	end if;
	if new.prep_sql is not null and reportd.statement_count(new.prep_sql) = 0 then
		perform reportd.refuse(
			'prep_sql holds no statement, only comments',
			'Write statements that build what the export reads, or leave prep_sql null.');
	end if;
	if new.prep_sql is not null then
		perform reportd.check_closed('prep_sql', new.prep_sql);
	end if;
	if new.export_sql ~ '[''"\\$]|/\*|\*/' then
		perform reportd.check_closed('export_sql', new.export_sql);
	end if;
	if new.result_sql is not null then
		perform reportd.check_result(new);
	elsif tg_op = 'UPDATE' and old.has_children and old.result_sql is not null then
		perform reportd.refuse_without_result(old);
	end if;
	if octet_length(coalesce(new.prep_sql, '')) + octet_length(coalesce(new.export_sql, ''))
			+ octet_length(coalesce(new.result_sql, '')) > 1048576 then
		perform reportd.refuse(
			'prep_sql, export_sql and result_sql together are longer than 1 MiB',
			'Put the work into a function or procedure and call that.');
	end if;
	new.links := case when concat(new.prep_sql, new.export_sql, new.result_sql, new.checks)
			~ ':\\?[''"](last__|after__|horizon)'
		then reportd.find_links(new) end;
	select array[k] into formats from reportd.output_format k
	where k.format = new.output_format and k.alias_of is null;
	if formats is null then
		formats := reportd.formats_of(new.output_format);
	end if;
	new.parameters := coalesce(new.parameters, '{}');
	new.output_options := coalesce(new.output_options, '{}');
	if new.output_options <> '{}' then
		perform reportd.check_options(formats, new.output_options);
		perform reportd.check_place_options(new.output_options, new.output_path);
		perform reportd.check_place_options(
			reportd.options_of(f, formats, new.output_options), new.output_path)
		from unnest(formats) f;
	end if;
	if new.output_options ? 'encoding' or new.output_options -> 'CSV' ? 'encoding' then
		new.output_options := reportd.name_encodings(new.output_options);
	end if;
	new.target := null;
	if strpos(new.output_format, 'TABLE') > 0 or new.output_path ~* '^table:' then
		new.target := reportd.check_table(new, formats);
		-- The checks below are about files.
		formats := array(select f from unnest(formats) f where f.format <> 'TABLE');
	end if;
	if new.checks is not null then
		new.checks := reportd.check_checks(new);
	end if;
	if new.min_score is not null then
		perform reportd.check_score(new);
	end if;
	-- One format without options, and one statement: no `;`, and not only a comment.
	if new.export_sql is not null and (new.output_options <> '{}' or cardinality(formats) <> 1
			or new.export_sql ~ ';|--|/\*'
			or not coalesce(new.output_path !~ '\{(part|section)'
				and new.output_path like '%.' || formats[1].extension, true)) then
		perform reportd.check_outputs(
			formats, new.output_options, new.export_sql, new.output_path);
	end if;
	if new.parameters <> '{}' then
		perform reportd.check_parameters(new.parameters);
	end if;
	-- A path of plain names, {names} and %codes that always exist needs no more.
	if new.output_path is not null and (new.target is null or formats <> '{}')
		and (octet_length(new.output_path) > 1000 or new.output_path !~
			'^(\{(config_id|request_id|run_id|report_name|owner|scheduled_for|ext)\}|%[YmdHMS]|[A-Za-z0-9_-])([./]?(\{(config_id|request_id|run_id|report_name|owner|scheduled_for|ext)\}|%[YmdHMS]|[A-Za-z0-9_-]))*$') then
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
		if new.target is not null and (tg_op = 'INSERT' or new.is_active) then
			perform reportd.check_target(new.target);
		end if;
	else
		if fresh then
			perform reportd.check_rights(new, old);
		end if;
		if tg_op = 'INSERT' or new.owner <> old.owner then
			perform reportd.check_quota(new.owner);
		elsif new.status = 'PENDING' and new.is_active
			and (new.trigger_type = 'ADHOC' or new.due_at < 'infinity')
			and (not old.is_active or old.trigger_type <> new.trigger_type) then
			perform reportd.check_pending(new.owner, 1);
		end if;
	end if;
	if (tg_op = 'INSERT' or new.is_active) and (new.prep_sql is not null
			or new.result_sql is not null or new.checks is not null or new.links is not null
			or new.export_sql ~ ';'
			or new.output_options::text ~ 'unload') then
		perform reportd.check_abilities(new);
	end if;
	new.updated_timestamp := now();
	if new.trigger_type = 'ADHOC' and new.schedule_expression is null then
		new.next_run_time := null;
		new.scheduled_for := coalesce(new.scheduled_for, now());
		if tg_op = 'INSERT' and new.inputs is not null then
			-- The report waits until its files are listed, see inputs_changed().
			new.due_at := 'infinity';
		elsif new.due_at = 'infinity' and new.inputs is null then
			new.due_at := now();
		end if;
		return new;
	end if;
	return reportd.report_config_plan(new, old);
-- Raised anew, so that psql shows one line of context and not one for each function on
-- the way.
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
	if new.trigger_type in ('AFTER', 'FILE') then
		if new.schedule_expression is not null then
			perform reportd.refuse(
				format('report "%s" has a schedule_expression but is %s', new.report_name,
					new.trigger_type),
				'Leave schedule_expression out: it runs when those in run_after have, or when files come. Or set trigger_type to ''SCHEDULED'': then it waits for them at its own times.');
		end if;
		new.next_run_time := null;
		if old is null or old.trigger_type <> new.trigger_type and new.status = 'PENDING' and new.attempt = 0 then
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
-- The daemon's own updates change none of these columns, so this trigger costs them
-- nothing.
create trigger a_check_update before update of report_key, report_name, report_type,
		owner, trigger_type, schedule_expression, time_zone, misfire_policy, is_active, priority,
		max_retries, timeout, source, prep_sql, export_sql, result_sql, parameters,
		output_format, output_path, output_options, run_after, wait_timeout, inputs, checks, min_score,
		horizon_overlap
	on reportd.report_config
	for each row execute function reportd.report_config_check();
