-- SPDX-License-Identifier: MIT
-- Turns of inboxes: the steps of a daemon's turn, and the view of inboxes for people.

create function reportd.inbox_untold(inbox text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select exists (select from reportd.report_inbox_row r
		where r.inbox = $1 and r.told < r.revision)
$$;

-- When the table is to be read again. Two turns are at least a minute apart, which limits the
-- cost of waking.
create view reportd.inbox_due as
select b.inbox, least(b.next_at, (select greatest(w.woken_at, b.began_at + interval '1 minute')
	from reportd.report_inbox_wake w where w.inbox = b.inbox order by w.woken_at limit 1)) as due_at
from reportd.report_inbox b;

-- The rows that are written back next, in the order of the IDs: as many as one statement of the
-- other database takes. Null: none. stoppable: the owner of the inbox could cancel the report,
-- or stop its schedule. shared: the message for rows that say PENDING though their ID belongs
-- to another row; null: none.
create function reportd.inbox_tell(inbox text, after text) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
	select jsonb_agg(jsonb_build_object('id', c.external_id, 'revision', c.revision,
		'status', c.status, 'message', c.message, 'output', c.output_url,
		'shared', case when c.shared is not null then
			reportd.inbox_sharing(c.shared, c.external_id, c.config_id) end,
		'stoppable', exists (select from reportd.report_config f
			join reportd.report_inbox k on k.inbox = c.inbox
			where f.config_id = c.config_id and reportd.inbox_may_cancel(k.owner, f)
				and (c.status = 'PROCESSING' or f.is_active and f.trigger_type <> 'ADHOC')))
		order by c.external_id collate "C")
	from (
		select o.*, row_number() over w as n,
			sum(length(o.external_id) + length(concat(o.message, o.output_url))
				+ case when o.shared is null then 40 else 300 end) over w as size
		from (select r.*, left(r.error_message, 1000) as message
			from reportd.report_inbox_row r
			where r.inbox = $1 and r.told < r.revision and r.external_id collate "C" > $2
			order by r.external_id collate "C" limit 5000) o
		window w as (order by o.external_id collate "C")) c
	where c.n = 1 or c.size <= 200000
$$;

-- The next step of a turn, for a worker: {"turn", "read": true, "after", "pending"} reads a
-- page of rows; {"turn", "tell": [...]} writes back. Null: the turn ends here.
create function reportd.inbox_next(b reportd.report_inbox, after text) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	tell constant jsonb := reportd.inbox_tell(b.inbox, after);
begin
	if tell is not null then
		return jsonb_build_object('turn', b.turn, 'tell', tell);
	end if;
	update reportd.report_inbox k
	set held_by = null, held_until = null, error = null, error_at = null
	where k.inbox = b.inbox;
	return null;
end $$;

-- Gives the reason why an inbox cannot work, as a sentence; null: it can.
create function reportd.inbox_fault(owner text, columns text[]) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	bad text;
begin
	select n into bad from unnest(columns) n where not reportd.inbox_may_set(n) limit 1;
	return case when to_regrole(quote_ident(owner)) is null then
			format('[inbox] owner: there is no role "%s" in the queue; make it by create role %I, and grant reportd_submitter to %I',
				owner, owner, owner)
		when not pg_has_role(to_regrole(quote_ident(owner)), 'reportd_submitter', 'USAGE') then
			format('[inbox] owner: %s may not submit reports; grant reportd_submitter to %I',
				owner, owner)
		when bad is not null then
			format('[inbox] columns: "%s" is no column of report_config that a row may set; it may set %s',
				bad, (select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a
					where a.attrelid = 'reportd.report_config'::regclass and a.attnum > 0
						and reportd.inbox_may_set(a.attname))) end;
end $$;

-- Takes the turn of an inbox, if one is due: {"turn", …}, see inbox_next(). Else {"wait": ms
-- until one may be due, "untold": whether something is to be written back, "fault"}.
create function reportd.inbox_begin(
	worker_id uuid, inbox text, owner text, columns text[],
	every interval, write_back interval, hold interval
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	b reportd.report_inbox;
	untold boolean := reportd.inbox_untold(inbox);
	tell_at timestamptz;
	waits text;
	fault text;
begin
	insert into reportd.report_inbox (inbox) values (inbox_begin.inbox) on conflict do nothing;
	select * into b from reportd.report_inbox k where k.inbox = inbox_begin.inbox
	for update skip locked;
	-- The interval may have become shorter.
	b.next_at := least((select d.due_at from reportd.inbox_due d where d.inbox = b.inbox),
		b.began_at + every);
	tell_at := case when untold then coalesce(b.began_at, '-infinity') + write_back
		else 'infinity' end;
	if b.inbox is null or b.held_until > now() or least(b.next_at, tell_at) > now() then
		return jsonb_build_object('untold', untold and b.error is null, 'wait', case when b.inbox is null then 1000
			else ceil(1000 * extract(epoch from least(
				greatest(least(b.next_at, tell_at), b.held_until) - now(),
				greatest(write_back, interval '1 second'), interval '1 minute')))::bigint end);
	end if;
	fault := reportd.inbox_fault(owner, columns);
	-- Calls for an inbox that is in no settings any more are dropped.
	delete from reportd.report_inbox_wake d where d.wake_id = any (array(
		select w.wake_id from reportd.report_inbox_wake w
		where fault is not null and w.inbox = b.inbox or w.woken_at < now() - interval '1 day'
		for update skip locked));
	update reportd.report_inbox_wake d set taken = true where d.wake_id = any (array(
		select w.wake_id from reportd.report_inbox_wake w where w.inbox = b.inbox
		for update skip locked));
	update reportd.report_inbox k
	set turn = k.turn + 1, pages = 0, began_at = now(), every = inbox_begin.every,
		next_at = now() + inbox_begin.every,
		owner = case when fault is null then to_regrole(quote_ident(inbox_begin.owner)) end,
		held_by = case when fault is null then inbox_begin.worker_id end,
		held_until = case when fault is null then now() + hold end,
		error = coalesce(fault, k.error), error_at = case when fault is null then k.error_at
			else now() end
	where k.inbox = b.inbox returning * into b;
	if fault is not null then
		return jsonb_build_object('untold', false, 'fault', fault,
			'wait', ceil(1000 * extract(epoch from least(every, interval '1 minute'))));
	end if;
	waits := reportd.inbox_full(b.owner);
	update reportd.report_inbox k set remark = coalesce(waits, k.remark) where k.inbox = b.inbox;
	return jsonb_build_object('turn', b.turn, 'read', true, 'after', coalesce(b.resume, ''),
		'pending', waits is null);
end $$;

-- Takes a page of rows; returns the next step. A lock of another session delays the page by
-- half a second in all, however many rows wait for locks.
create function reportd.inbox_read(b reportd.report_inbox, answer jsonb) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	r jsonb;
	one record;
	accepted bigint := 0;
	declined bigint := 0;
	waiting bigint := 0;
	note text;
	-- The turn is held to the end, so that the COMMIT waits for nobody.
	has_turn constant boolean := reportd.take_turn(b.owner, true);
	waits text := case when has_turn then reportd.inbox_full(b.owner)
		else format('rows wait: another transaction of %s has its turn', b.owner) end;
	pending constant boolean := (answer ->> 'pending')::boolean;
	-- Without an ID to read on from, the page would be the same again.
	more constant boolean := (answer ->> 'more')::boolean and answer ->> 'last' is not null;
	ends constant boolean := not more or b.pages >= 99;
	lock_timeout constant text := current_setting('lock_timeout');
begin
	for r in select * from jsonb_array_elements(answer -> 'rows') loop
		perform set_config('lock_timeout', case when waiting < 10 then '50ms' else '1ms' end, true);
		select * into one from reportd.inbox_take(b, r, waits is not null);
		accepted := accepted + (one.outcome = 'taken')::int;
		declined := declined + (one.outcome = 'refused')::int;
		waiting := waiting + (one.outcome = 'waits')::int;
		waits := coalesce(waits, case when one.outcome = 'full' then one.why end);
		note := coalesce(note, case when one.outcome = 'waits' then one.why end);
	end loop;
	perform set_config('lock_timeout', lock_timeout, true);
	update reportd.report_inbox k
	set taken = k.taken + accepted, refused = k.refused + declined,
		read_at = clock_timestamp(), pages = k.pages + 1,
		resume = case when more then case when ends then answer ->> 'last' else k.resume end end,
		-- Soon, but a lock that stays does not keep a warehouse awake.
		next_at = least(k.next_at, case when ends and (more or k.resume is not null)
				then k.began_at + interval '1 minute'
			when waiting > 0 or not has_turn
				then k.began_at + greatest(interval '1 minute', k.every / 10) end),
		remark = coalesce(waits, note,
			case when (answer ->> 'unreadable')::boolean then
				'rows whose ID cannot be read are not taken' end,
			case when (answer ->> 'nameless')::bigint > 0 then
				format('rows without an ID are not taken: at least %s', answer ->> 'nameless') end,
			case when k.pages > 0 then k.remark end)
	where k.inbox = b.inbox;
	if not ends then
		-- Cancellations are heard also while nothing more is taken.
		return jsonb_build_object('turn', b.turn, 'read', true, 'after', answer -> 'last',
			'pending', pending and waits is null);
	end if;
	return reportd.inbox_next(b, '');
end $$;

-- Records what was written back: {"told": [[id, revision]], in the order of the IDs, "aside":
-- {id: why the other database refused it}}; returns the next step. A report that is locked is
-- changing at this moment, so its row is told again; so is the state of a report when other
-- rows were told that its ID is not theirs.
create function reportd.inbox_told(b reportd.report_inbox, answer jsonb) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	n bigint;
begin
	with t as materialized (
		select e ->> 0 as id, (e ->> 1)::bigint as revision
		from jsonb_array_elements(answer -> 'told') e
	), held as materialized (
		select o.external_id, t.revision, left(answer -> 'aside' ->> t.id, 1000) as refusal
		from t
		join reportd.report_inbox_row o on o.inbox = b.inbox and o.external_id = t.id
		where o.told < t.revision
		for update of o skip locked
	)
	update reportd.report_inbox_row r
	set told = case when r.shared is null or r.config_id is null then h.revision else r.told end,
		shared = null, refusal = h.refusal,
		refused_at = case when h.refusal is not null then now() end
	from held h
	where r.inbox = b.inbox and r.external_id = h.external_id;
	get diagnostics n = row_count;
	update reportd.report_inbox k set told = k.told + n, told_at = clock_timestamp()
	where k.inbox = b.inbox;
	return reportd.inbox_next(b, answer -> 'told' -> -1 ->> 0);
end $$;

-- Removes the requests for a turn that this turn, which ends, has met.
create function reportd.inbox_wakes_met(inbox text) returns void
language sql set search_path = pg_catalog, pg_temp as $$
	delete from reportd.report_inbox_wake d where d.wake_id = any (array(
		select w.wake_id from reportd.report_inbox_wake w where w.inbox = $1 and w.taken
		for update skip locked))
$$;

-- Takes the answer of a worker in a turn: {"rows", …} see inbox_read(), {"told", "aside"} see
-- inbox_told(), or {"error", "over": whether nothing of the step can still run there}; an
-- answer without "error" may also mean that the daemon only ends. ends: the daemon takes no
-- further step. Returns the next step; null: the turn has ended, or the daemon does not hold it
-- any more.
create function reportd.inbox_step(
	worker_id uuid, inbox text, turn bigint, answer jsonb, ends boolean, hold interval,
	retention interval
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	b reportd.report_inbox;
	step jsonb;
	purged bigint;
begin
	select * into b from reportd.report_inbox k
	where k.inbox = inbox_step.inbox and k.held_by = inbox_step.worker_id
		and k.turn = inbox_step.turn
	for update;
	if b.inbox is null then
		return null;
	elsif answer ? 'over' then
		perform reportd.inbox_wakes_met(b.inbox);
		update reportd.report_inbox k
		set held_by = null,
			held_until = case when not (answer ->> 'over')::boolean then k.held_until end
		where k.inbox = b.inbox;
		if answer ? 'error' then
			update reportd.report_inbox k
			set error = left(answer ->> 'error', 2000), error_at = clock_timestamp()
			where k.inbox = b.inbox;
		else
			update reportd.report_inbox k set next_at = now() where k.inbox = b.inbox;
		end if;
		return null;
	end if;
	update reportd.report_inbox k set held_until = clock_timestamp() + hold
	where k.inbox = b.inbox;
	if answer ? 'rows' then
		step := reportd.inbox_read(b, answer);
	else
		step := reportd.inbox_told(b, answer);
	end if;
	if step is null or ends then
		perform reportd.inbox_wakes_met(b.inbox);
	end if;
	if step is not null and ends then
		update reportd.report_inbox k set held_by = null, held_until = null, next_at = now()
		where k.inbox = b.inbox;
		return null;
	elsif step is null and retention > interval '0' and b.purge_at <= now() then
		delete from reportd.report_inbox_row r
		where r.inbox = b.inbox and r.external_id = any (array(
			select o.external_id from reportd.report_inbox_row o
			-- A row that was refused is tried as a new one when somebody sets it back.
			where o.inbox = b.inbox and o.changed_at < now() - case when o.config_id is null
					then least(retention, interval '1 day') else retention end
				and o.told >= o.revision and not exists (select from reportd.report_config c
					where c.config_id = o.config_id)
			order by o.changed_at limit 10000 for update skip locked));
		get diagnostics purged = row_count;
		-- Old rows of schedules are looked at each time.
		update reportd.report_inbox k set purge_at = now() + interval '1 hour'
		where k.inbox = b.inbox and purged < 10000;
	end if;
	return step;
end $$;

-- ---- what people call and see ----

create function reportd.wake_inboxes() returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	n bigint;
begin
	perform reportd.check_actor();
	insert into reportd.report_inbox_wake (inbox)
	select k.inbox from reportd.report_inbox k
	where (pg_has_role(reportd.acting_role(), k.owner, 'USAGE')
			or pg_has_role(reportd.acting_role(), 'reportd_viewer', 'USAGE')
			or pg_has_role(reportd.acting_role(), 'reportd_daemon', 'USAGE'))
		and not exists (select from reportd.report_inbox_wake w
			where w.inbox = k.inbox and not w.taken
				and w.woken_at > now() - interval '1 hour');
	get diagnostics n = row_count;
	if n > 0 then
		perform pg_notify('reportd_inbox', '');
	end if;
	return n;
end $$;
comment on function reportd.wake_inboxes is
	'Has the inboxes of the caller''s roles, or for a viewer and a daemon all of them, read soon, a minute after they were read last at the earliest. Returns how many; one that waits to be read since such a call is not counted again.';

create view reportd.v_inboxes with (security_barrier) as
select b.inbox, b.owner, b.read_at, b.told_at, n.untold, n.untold_since, (
		select count(*) from reportd.report_inbox_row r
		where r.inbox = b.inbox and r.refusal is not null) as aside,
	b.taken, b.refused, b.told, nullif(d.due_at, '-infinity') as next_at,
	b.remark, b.error, b.error_at
from reportd.report_inbox b
join reportd.inbox_due d on d.inbox = b.inbox
cross join lateral (
	select count(*) as untold, min(r.changed_at) as untold_since
	from reportd.report_inbox_row r
	where r.inbox = b.inbox and r.told < r.revision) n
where (pg_has_role(b.owner, 'USAGE') or (select pg_has_role('reportd_viewer', 'USAGE')));
comment on view reportd.v_inboxes is
	'The inboxes: when each was read and written back to, how many changes wait to be written back and since when, how many the other database refuses, how many rows were taken and refused, and what stands in the way.';

-- The texts stand in a CASE for the reason given in views.sql.
create view reportd.v_inbox_rows with (security_barrier) as
select b.inbox, case when b.owner::oid > 0 then r.external_id end as external_id, r.config_id,
	r.status, case when b.owner::oid > 0 then r.error_message end as error_message,
	case when b.owner::oid > 0 then r.output_url end as output_url, r.taken_at, r.changed_at,
	r.told >= r.revision and r.refusal is null as told,
	case when b.owner::oid > 0 then r.refusal end as refusal
from reportd.report_inbox_row r
join reportd.report_inbox b on b.inbox = r.inbox
where (pg_has_role(b.owner, 'USAGE') or (select pg_has_role('reportd_viewer', 'USAGE')));
comment on view reportd.v_inbox_rows is
	'The rows of inboxes that were taken: their reports, how they stand, whether that was written back, and why the other database refuses it.';

alter table reportd.report_inbox enable row level security;
alter table reportd.report_inbox_row enable row level security;
