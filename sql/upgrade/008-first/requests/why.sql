-- SPDX-License-Identifier: MIT
-- Why something waits, as sentences for people.

create function reportd.shown_time(at timestamptz, time_zone text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
	select coalesce(to_char(reportd.local_time($1, $2), 'YYYY-MM-DD HH24:MI:SS') || ' ' || $2,
		$1::text)
$$;

-- Returns the newest request of a report, the first one of an ADHOC report included.
create function reportd.last_request(config_id bigint, root bigint)
returns table (request_id bigint, status text, run_id bigint, scheduled_for timestamptz,
	ended_at timestamptz, error_message text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	return query
	select v.request_id, v.status, v.run_id, v.scheduled_for, v.ended_at, v.error_message
	from reportd.v_requests v
	where v.request_id = coalesce(
			(select q.request_id from reportd.report_request q
			 where q.root = last_request.root and q.config_id = last_request.config_id
			 order by q.request_id desc limit 1),
			(select max(k.request_id) from reportd.v_requests k
			 where k.config_id = last_request.config_id and k.parameters is null));
end $$;

-- Describes the state of a parent that a request waits for, as the end of a sentence.
create function reportd.parent_state(p reportd.report_config, root bigint, time_zone text)
returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	l record;
	next text := case when p.next_run_time is not null and p.is_active then
		', next at ' || reportd.shown_time(p.next_run_time, time_zone) else '' end;
	at text;
begin
	select * into l from reportd.last_request(p.config_id, root);
	at := reportd.shown_time(coalesce(l.ended_at, p.error_timestamp), time_zone);
	return reportd.label(p) || case
		when not p.is_active then ', which is not active (paused)' else '' end || case
		when l.request_id is null then ', which has not run yet' || next
		when l.status = 'FAILED' then format(', whose %s failed at %s: %s',
			coalesce('run ' || l.run_id, 'request ' || l.request_id), at,
			left(l.error_message, 500))
		when l.status = 'CANCELLED' then format(', whose request %s was cancelled at %s',
			l.request_id, at)
		when l.status = 'PROCESSING' then format(', which is running (run %s)', l.run_id)
		when l.status = 'PENDING' and p.attempt > 0 then
			format(', whose run %s failed and is tried again at %s: %s', p.run_id,
				reportd.shown_time(p.due_at, time_zone), left(p.error_message, 500))
		when l.status = 'PENDING' then ', which is due and has not begun'
		when l.status = 'QUEUED' then format(', whose request %s waits for its turn', l.request_id)
		when l.status = 'WAITING' then ', which waits for others itself'
		else format(', whose last run was for %s', reportd.shown_time(l.scheduled_for, time_zone))
			|| next end;
end $$;

-- Names what a WAITING request waits for, as far as a role may see it.
create function reportd.waited_for(q reportd.report_request, role oid) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	d record;
	part bigint[] := reportd.part_of(q.root);
	said text[] := '{}';
begin
	select * into c from reportd.report_config r where r.config_id = q.config_id;
	for d in
		select p as parent, t as clock from reportd.report_dependency k
		join reportd.report_config p on p.config_id = k.parent_id
		left join unnest(reportd.clocks_of(c)) t on t.parent_id = k.parent_id
		where k.child_id = c.config_id order by p.report_key
	loop
		if (case c.trigger_type
			when 'AFTER' then reportd.satisfying_root((d.parent).config_id, q.root, part)
			else case when q.scheduled_for < reportd.ready_until(d.clock) then 1 end
			end) is null then
			said := said || case when reportd.sees(role, (d.parent).owner)
				then reportd.parent_state(d.parent, q.root, c.time_zone)
				else (d.parent).report_key end;
		end if;
	end loop;
	if q.reason = 'run_now' then
		said := '{}';
	end if;
	said := said || reportd.awaited_files(c, q);
	return case cardinality(array_remove(said, null)) when 0 then 'nobody any more: it is released by the next tick of a daemon'
		else array_to_string(array_remove(said, null), '; ') end;
exception when others then
	return 'other reports, of which one cannot be read: ' || sqlerrm;
end $$;

-- Names what a PENDING report waits for.
create function reportd.pending_reason(c reportd.report_config) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	denied text := (reportd.denial(c)).message;
	most int := (reportd.quota_of(c.owner)).max_running;
	running bigint;
	places bigint;
begin
	if c.due_at > now() and c.checks_since is not null then
		return format('it waits until %s for its checks, which are asked again at %s: %s',
			reportd.shown_time(c.checks_since + reportd.wait_time(c), c.time_zone),
			reportd.shown_time(c.due_at, c.time_zone),
			(select left(r.error_message, 1000) from reportd.report_run r where r.run_id = c.run_id));
	elsif c.due_at > now() and c.attempt > 0 then
		return format('attempt %s failed at %s: %s; it is tried again at %s', c.attempt,
			reportd.shown_time(c.error_timestamp, c.time_zone), c.error_message,
			reportd.shown_time(c.due_at, c.time_zone));
	elsif c.due_at > now() then
		return format('it is due at %s', reportd.shown_time(c.due_at, c.time_zone));
	end if;
	select sum(w.workers) into places from reportd.running_daemon w;
	if places is null then
		return 'no daemon runs';
	elsif not exists (select from reportd.running_daemon w
		where c.source = any (w.sources)) then
		return format('no daemon that runs has the source "%s"', c.source);
	elsif c.target is not null and not exists (select from reportd.running_daemon w
		where c.source = any (w.sources)
			and c.target = any (w.targets)) then
		return format('no daemon that runs has the target "%s" and the source "%s"',
			c.target, c.source);
	elsif c.local_paths is not null and not exists (select from reportd.running_daemon w
		where c.source = any (w.sources) and (c.target is null or c.target = any (w.targets))
			and reportd.reaches_all(w.folders, c.local_paths)) then
		return format('no daemon that runs with the source "%s"%s has %s in folders of [inputs]',
			c.source, ' and the target "' || c.target || '"',
			-- A folder that none has, or all, which no daemon has together.
			coalesce((select min(p) from unnest(c.local_paths) p
					where not exists (select from reportd.running_daemon w
						where c.source = any (w.sources) and reportd.reaches(w.folders, p))),
				array_to_string(c.local_paths, ' and ')));
	elsif denied is not null then
		return format('it will end FAILED: %s', denied);
	end if;
	select count(*) into running from reportd.report_config r
	where r.status = 'PROCESSING' and r.owner = c.owner;
	if running >= most and not pg_has_role(c.owner, 'reportd_operator', 'USAGE') then
		return format('%s runs %s, which is its quota', c.owner, reportd.counted(running, 'report'));
	end if;
	select count(*) into running from reportd.report_config r where r.status = 'PROCESSING';
	if running >= places then
		return case places when 1 then 'the only worker is busy'
			else format('all %s workers are busy', places) end;
	end if;
	return format('it is due since %s and is claimed when a daemon has a worker free for its source and kind',
		reportd.shown_time(c.due_at, c.time_zone));
end $$;

-- Counts the files of an active report that no run has read, as the end of a sentence. A mended
-- file is another version, which counts for its name; FILE reports take whole new files up by
-- themselves.
create function reportd.unread_files(c reportd.report_config) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
	select case when $1.is_active and $1.inputs is not null then coalesce((
		select format('; of its files %s FAILED and %s wait: `reportctl inputs %s` or reportd.v_inputs says why',
			count(*) filter (where f.state = 'FAILED'), count(*) filter (where f.state = 'NEW'),
			$1.config_id)
		from (select distinct on (i.input, i.url) i.state, i.reason, i.moved_to
			from reportd.v_inputs i where i.config_id = $1.config_id
			order by i.input, i.url, i.file_id desc) f
		where f.state = 'FAILED' and f.moved_to is null or f.state = 'NEW' and f.reason is not null
		having count(*) > 0), '') || coalesce((
		select format('; %s left to the next request', reportd.counted(count(*), 'new file'))
		from reportd.v_inputs i
		where i.config_id = $1.config_id and $1.trigger_type <> 'FILE'
			and i.state = 'NEW' and i.reason is null
			and coalesce($1.inputs -> i.input ->> 'use', 'new') = 'new'
		having count(*) > 0), '') else '' end
$$;

-- Says when a report that is at rest runs next.
create function reportd.next_reason(c reportd.report_config) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if not c.is_active then
		return format('; it is not active (paused): `reportctl resume %s` or select reportd.change(%1$s, ''{"is_active": true}'')',
			c.config_id);
	elsif c.trigger_type = 'AFTER' then
		return '; it runs after ' || (
			select string_agg(case when reportd.sees(reportd.acting_role(), p.owner)
				then reportd.parent_state(p, null, c.time_zone) else p.report_key end, '; '
				order by p.report_key)
			from reportd.report_dependency d
			join reportd.report_config p on p.config_id = d.parent_id
			where d.child_id = c.config_id);
	elsif c.trigger_type = 'FILE' then
		return coalesce('; it runs when new files come: ' || (
			select string_agg(format('%s, %s', z.path, case
				when z.error is not null then 'which cannot be listed: ' || z.error
				when z.listed_at is null then 'not listed yet'
				else 'listed at ' || reportd.shown_time(z.listed_at, c.time_zone) end), '; '
				order by z.input)
			from reportd.v_zones z where z.config_id = c.config_id), '');
	elsif c.trigger_type = 'SCHEDULED' and c.next_run_time is null then
		return '; its schedule fires no more: ' || coalesce(c.error_message, 'there is no next time');
	elsif c.trigger_type = 'SCHEDULED' then
		return '; its schedule fires next at ' || reportd.shown_time(c.next_run_time, c.time_zone);
	end if;
	return '';
end $$;

create function reportd.request_state(c reportd.report_config, request_id bigint) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	v record;
	deadline timestamptz;
begin
	select * into v from reportd.v_requests r
	where r.config_id = c.config_id and r.request_id = request_state.request_id;
	case v.status
		when 'PROCESSING' then
			return (select format('is running: run %s, stage %s, since %s%s', r.run_id, r.stage,
					reportd.shown_time(r.started_at, c.time_zone),
					case when c.cancel_requested then '; it is being cancelled' else '' end)
				from reportd.report_run r where r.run_id = v.run_id);
		when 'PENDING' then
			if not c.is_active then
				return 'is PENDING' || reportd.next_reason(c);
			end if;
			return 'is PENDING: ' || reportd.pending_reason(c);
		when 'WAITING' then
			select q.deadline into deadline from reportd.report_request q
			where q.request_id = v.request_id;
			return format('waits until %s for %s',
				reportd.shown_time(deadline, c.time_zone), v.waits_for);
		when 'QUEUED' then
			if not reportd.is_busy(c) then
				return 'is taken up by the next tick of a daemon';
			end if;
			return format('waits for its turn: request %s %s', c.request_id,
				reportd.request_state(c, c.request_id));
		when 'COMPLETED' then
			return format('has COMPLETED at %s%s%s',
				reportd.shown_time(v.ended_at, c.time_zone),
				' and has read up to ' || reportd.shown_time(v.horizon, c.time_zone) || coalesce((
					select format(', as process %s of source "%s" had a transaction open for %s',
						r.horizon_held_by, c.source, r.horizon_held_for)
					from reportd.report_run r
					where r.run_id = v.run_id and r.horizon_held_by is not null), ''),
				', with the result ' || left(v.result::text, 1000));
		when 'SKIPPED' then
			return format('was skipped: %s', v.error_message);
		else
			return format('is %s since %s: %s; `reportctl retry %s --request %s` or select reportd.retry(%4$s, %5$s) runs it again', v.status,
				reportd.shown_time(v.ended_at, c.time_zone),
				coalesce(v.error_message, 'cancelled by ' || c.cancelled_by)
					|| case v.status when 'FAILED' then reportd.batch_advice(v.request_id) else '' end,
				c.config_id,
				v.request_id);
	end case;
end $$;

create function reportd.why(config_id bigint, request_id bigint default null) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	asked bigint := request_id;
	refusal text;
	mend text;
begin
	perform reportd.check_actor();
	select * into c from reportd.report_config r
	where r.config_id = why.config_id and reportd.sees(reportd.acting_role(), r.owner);
	if c.config_id is null then
		perform reportd.refuse(
			format('there is no report %s that %s may see', config_id, reportd.acting_name()),
			'See reportd.report_config, or `reportctl list`.');
	elsif asked is not null and not exists (select from reportd.v_requests v
		where v.config_id = c.config_id and v.request_id = asked) then
		perform reportd.refuse(format('report %s has no request %s', c.config_id, asked),
			'See reportd.v_requests, or `reportctl status ID`.');
	end if;
	if asked is null and not reportd.is_busy(c) then
		select q.request_id into asked from reportd.report_request q
		where q.config_id = c.config_id and q.state = 'WAITING'
		order by q.scheduled_for desc limit 1;
	end if;
	asked := coalesce(asked, c.request_id);
	if asked is null then
		return format('report %s has not run yet%s%s', reportd.label(c), reportd.next_reason(c),
			reportd.unread_files(c));
	end if;
	return format('request %s of report %s %s%s', asked, reportd.label(c),
		reportd.request_state(c, asked),
		case when asked = c.request_id and request_id is null and not reportd.is_busy(c)
			then reportd.next_reason(c) || reportd.unread_files(c) else '' end);
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.why is
	'Says in one sentence what a report, or one of its requests, waits for, or how it ended.';
