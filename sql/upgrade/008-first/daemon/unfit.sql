-- SPDX-License-Identifier: MIT
-- Reports that no worker can take end FAILED, so that they hold nobody else up.

-- Ends a PENDING report as FAILED, with a run that gives the reason.
create function reportd.end_unclaimed(worker_id uuid, config_id bigint, why text)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	id bigint;
begin
	select * into c from reportd.report_config r where r.config_id = end_unclaimed.config_id;
	insert into reportd.report_run (config_id, request_id, owner, report_name, attempt,
		scheduled_for, worker_id, status, finished_at, error_stage, error_message, gave_up)
	values (c.config_id, c.request_id, c.owner, c.report_name, c.attempt + 1,
		coalesce(c.scheduled_for, c.due_at), worker_id, 'FAILED', now(), 'start', why, true)
	returning run_id into id;
	update reportd.report_config r set status = 'PROCESSING', run_id = id
	where r.config_id = c.config_id;
	update reportd.report_config r
	set status = 'FAILED', error_message = why, error_timestamp = now(),
		last_run_time = now(), updated_timestamp = now()
	where r.config_id = c.config_id;
	update reportd.report_request q
	set state = 'ENDED', outcome = 'FAILED', ended_at = now(), run_id = id,
		error_message = why
	where q.request_id = c.request_id and c.request_kept;
	perform reportd.write_notices(id, c.config_id, c.owner, 'FAILED', c.notify_on_failure)
	where c.notify_on_failure is not null;
	perform reportd.notify_done(c.config_id, c.request_id, id, 'FAILED');
end $$;

-- Says whether a report is too large for a worker. It looks at the size on disk, so that
-- nothing is unpacked.
create function reportd.is_large(c reportd.report_config) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select greatest(pg_column_size($1.parameters), pg_column_size($1.run_parameters),
			pg_column_size($1.output_options)) > 2000000
		or coalesce(octet_length($1.prep_sql), 0) + coalesce(octet_length($1.export_sql), 0)
			+ coalesce(octet_length($1.result_sql), 0) > 4000000
$$;

-- Returns the reason why a report cannot be handed to a worker; null: it can. A report that it
-- takes long to ask about cannot.
create function reportd.unfit(c reportd.report_config) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	slow constant text := 'the report takes too long to be read by a claim';
	began timestamptz := clock_timestamp();
	size bigint;
begin
	-- A claim calls both for this row.
	perform reportd.denial(c), reportd.rare_members(c, false, c.run_id);
	if not reportd.is_large(c) then
		size := octet_length((to_jsonb(c) - '{prep_sql,export_sql,result_sql}'::text[])::text)
			+ (select coalesce(pg_column_size(jsonb_object_agg(p.key, p.value)), 0)
				from jsonb_each_text(c.parameters || coalesce(c.run_parameters, '{}')) p);
	end if;
	return case when size is null or size > 8000000
			then 'the report is too large to be handed to a worker'
		when clock_timestamp() - began > interval '1 second'
			then slow end;
exception when query_canceled then
	-- statement_timeout has ended it, and this call took the time.
	if clock_timestamp() - began > interval '200 ms' then
		return slow;
	end if;
	raise;
when others then
	return 'the report cannot be handed to a worker: ' || sqlerrm;
end $$;

-- After a claim that failed as a whole: ends the due rows that cannot be handed to a
-- worker as FAILED, each with its reason. Rows are read in the order of the index
-- report_config_due, 1000 in one call or as many as half a second allows; the next call
-- begins at `place`, null: all rows were read. Only rows that are ended are locked.
create function reportd.set_aside(
	worker_id uuid, sources text[], since jsonb, out ended bigint, out place jsonb
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	why text;
begin
	ended := 0;
	for c in
		select k.* from reportd.report_config k
		where k.status = 'PENDING' and k.is_active and k.due_at < 'infinity'
			and (k.owner, k.source, k.priority, k.trigger_type, k.due_at, k.config_id)
				> (coalesce((since ->> 0)::oid, 0::oid), coalesce(since ->> 1, ''),
					coalesce((since ->> 2)::int, 0), coalesce(since ->> 3, ''),
					coalesce((since ->> 4)::timestamptz, '-infinity'),
					coalesce((since ->> 5)::bigint, 0))
		order by k.owner, k.source, k.priority, k.trigger_type, k.due_at, k.config_id
		limit 1000
	loop
		place := jsonb_build_array(c.owner::oid, c.source, c.priority, c.trigger_type,
			c.due_at, c.config_id);
		if c.due_at <= now() and c.source = any (sources) then
			why := reportd.unfit(c);
			perform from reportd.report_config k
			where why is not null and k.config_id = c.config_id
				and k.status || '' = 'PENDING' for update skip locked;
			if found then
				perform reportd.end_unclaimed(worker_id, c.config_id, why);
				ended := ended + 1;
			end if;
		end if;
		exit when clock_timestamp() - statement_timestamp() > interval '500 ms';
	end loop;
end $$;
