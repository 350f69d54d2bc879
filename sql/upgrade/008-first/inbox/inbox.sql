-- SPDX-License-Identifier: MIT
-- Inboxes: tables of other databases. Each row becomes a report once, and is told how the
-- report ends. See [inbox] of the settings and docs/inbox.md.

create table reportd.report_inbox (
	inbox text primary key check (octet_length(inbox) <= 1000),
	owner regrole,
	turn bigint not null default 0,
	held_by uuid,
	held_until timestamptz,
	pages int not null default 0,
	resume text,
	every interval not null default interval '0',
	next_at timestamptz not null default '-infinity',
	purge_at timestamptz not null default '-infinity',
	began_at timestamptz,
	read_at timestamptz,
	told_at timestamptz,
	taken bigint not null default 0,
	refused bigint not null default 0,
	told bigint not null default 0,
	remark text,
	error text,
	error_at timestamptz
);
comment on table reportd.report_inbox is
	'A row for each inbox, SOURCE:TABLE. A daemon takes a turn: it reads new rows, then writes back what has changed. Only the daemon that holds the turn is heard.';
comment on column reportd.report_inbox.held_until is
	'No other daemon takes a turn before: a statement of this one may still run there.';
comment on column reportd.report_inbox.pages is
	'Pages that this turn has read; it reads a hundred at most.';
comment on column reportd.report_inbox.resume is
	'The next turn reads on after this ID, as the last one had too much to read; null: from the first ID on.';
comment on column reportd.report_inbox.next_at is
	'The table is read again from then on.';
comment on column reportd.report_inbox.every is
	'The interval of the settings of the daemon that began the last turn.';

create table reportd.report_inbox_wake (
	wake_id bigint generated always as identity primary key,
	inbox text not null,
	woken_at timestamptz not null default now(),
	taken boolean not null default false
);
comment on table reportd.report_inbox_wake is
	'Wishes that an inbox is read soon. A turn takes them as it begins, and removes them as it ends: when its daemon is killed they are there for another one. They are rows of their own, so that a transaction that stays open after a wish keeps no daemon waiting.';
create index report_inbox_wake_inbox on reportd.report_inbox_wake (inbox, woken_at);

create table reportd.report_inbox_row (
	inbox text not null,
	external_id text not null check (octet_length(external_id) between 1 and 1000),
	config_id bigint,
	status text not null check (status in ('PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED')),
	error_message text,
	output_url text,
	revision bigint not null default 1,
	told bigint not null default 0,
	shared bigint,
	refusal text,
	refused_at timestamptz,
	taken_at timestamptz not null default now(),
	changed_at timestamptz not null default now(),
	primary key (inbox, external_id)
) with (fillfactor = 70);
comment on table reportd.report_inbox_row is
	'The rows of inboxes that were taken. The primary key makes one report of a row, whatever daemons do.';
comment on column reportd.report_inbox_row.config_id is
	'Its report, which retention may have deleted; null: the row was refused.';
comment on column reportd.report_inbox_row.revision is
	'Raised with each change that the other database has to be told of; told: the revision that it was told.';
comment on column reportd.report_inbox_row.shared is
	'This many rows there have its ID, which those that say PENDING are to be told; null: nothing of the kind.';
comment on column reportd.report_inbox_row.refusal is
	'Why the other database refused what was to be written back, which was then given up, or written without its text; null: it did not.';
create index report_inbox_row_refusal on reportd.report_inbox_row (inbox)
	where refusal is not null;
create index report_inbox_row_untold on reportd.report_inbox_row
	(inbox, external_id collate "C") where told < revision;
create index report_inbox_row_config on reportd.report_inbox_row (config_id)
	where config_id is not null;
create index report_inbox_row_old on reportd.report_inbox_row (inbox, changed_at);

-- ---- what follows from a report ----

-- A report of an inbox has changed. Only the statuses FAILED and CANCELLED get a message: a
-- CANCELLED row without a message asks for a cancellation.
create function reportd.inbox_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	s record;
begin
	select case when new.status = 'PENDING' then 'PROCESSING' else new.status end as status,
		case new.status when 'FAILED' then left(coalesce(new.error_message, 'no reason is known'), 1000)
			when 'CANCELLED' then coalesce('cancelled by ' || new.cancelled_by, new.error_message,
				'cancelled') end as message,
		case when new.status = 'COMPLETED' then (select u.output_url from reportd.report_run u
			where u.run_id = new.run_id) end as url into s;
	update reportd.report_inbox_row r
	set status = s.status, error_message = s.message, output_url = s.url,
		revision = r.revision + 1, changed_at = now()
	where r.config_id = new.config_id and (r.status, r.error_message, r.output_url)
		is distinct from (s.status, s.message, s.url);
	return null;
end $$;
create trigger f_inbox_update after update of status on reportd.report_config
	for each row when (new.external_id is not null and old.status <> new.status)
	execute function reportd.inbox_changed();

create function reportd.inbox_deleted() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	update reportd.report_inbox_row r
	set status = 'CANCELLED', error_message = 'the report was deleted', output_url = null,
		revision = r.revision + 1, changed_at = now()
	where r.config_id = old.config_id;
	return null;
end $$;
-- Retention deletes reports that have ended: their rows keep the last status.
create trigger f_inbox_delete after delete on reportd.report_config
	for each row when (old.external_id is not null and old.status in ('PENDING', 'PROCESSING'))
	execute function reportd.inbox_deleted();

-- ---- taking rows ----

-- The columns that a row may set: those that a submitter may set.
create function reportd.inbox_may_set(name text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select exists (select from pg_attribute a
		where a.attrelid = 'reportd.report_config'::regclass and a.attname = $1
			and a.attnum > 0 and not a.attisdropped
			and has_column_privilege('reportd_submitter', a.attrelid, a.attnum, 'INSERT'))
$$;

-- The reason why a report of the owner would be refused now, in the words of the checks that
-- every INSERT meets; null: it would be accepted.
create function reportd.inbox_full(owner regrole) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	why text;
begin
	if pg_has_role(owner, 'reportd_operator', 'USAGE') then
		return null;
	end if;
	begin
		perform reportd.check_quota(owner);
		why := (select d.message from reportd.bytes_denial(owner) d);
		-- Undoes what the check has noted for a COMMIT that adds reports.
		raise exception using errcode = 'RD000';
	exception
		when sqlstate 'RD000' then null;
		when invalid_parameter_value then why := sqlerrm;
	end;
	return 'rows wait: ' || why;
end $$;

-- The message for rows that share an ID. made: the report that one of them has become; null:
-- none has.
create function reportd.inbox_sharing(same bigint, id text, made bigint) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select format('%s rows have the ID %s: give each row one of its own', same,
		case when length(id) > 100 then left(id, 100) || '...' else id end)
		|| coalesce('; one of them is report ' || made, '')
$$;

-- Converts a value of a row, which is a text, to the JSON that its column takes. A list may be
-- written as a JSON array, or as one text. Branches and no CASE: a server that knows the value
-- when it plans the statement, as PostgreSQL 18 does in functions of SQL, casts it in each arm.
create function reportd.inbox_value(name text, value text) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	type text := (select format_type(a.atttypid, null) from pg_attribute a
		where a.attrelid = 'reportd.report_config'::regclass and a.attname = name);
begin
	if type = 'jsonb' or type = 'text[]' and value ~ '^\s*\[' then
		return value::jsonb;
	elsif type = 'text[]' then
		return jsonb_build_array(value);
	end if;
	return case when type is not null then to_jsonb(value) end;
end $$;

-- Inserts the report of a row. The owner's rights decide what the report may use, by the same
-- checks as for every INSERT.
create function reportd.inbox_submit(b reportd.report_inbox, id text, fields jsonb)
returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	f record;
	names text := '';
	made bigint;
	parents bigint;
begin
	for f in select key, value from jsonb_each_text(fields) where value is not null loop
		begin
			c := jsonb_populate_record(c, jsonb_build_object(f.key,
				reportd.inbox_value(f.key, f.value)));
		exception when others then
			raise exception using errcode = sqlstate, message = format('%s: %s', f.key, sqlerrm);
		end;
		names := names || format(', %I', f.key);
	end loop;
	execute format('insert into reportd.report_config (external_id, owner, created_by%s)
		select $1, $2, $3%s from (select ($4).*) k returning config_id', names, names)
	into made using id, b.owner, 'inbox ' || b.inbox, c;
	-- Where this would wait or fail the row does, and not the COMMIT of all.
	select count(*) into parents from (
		select from reportd.report_dependency d
		join reportd.report_config p on p.config_id = d.parent_id
		where d.child_id = made order by p.config_id for update of p) k;
	if parents < (select count(*) from reportd.report_dependency d where d.child_id = made) then
		perform reportd.refuse('a report in run_after was deleted meanwhile', 'Leave it out.');
	end if;
	return made;
end $$;

-- Whether the owner of an inbox may cancel a report, which may belong to another role by now.
create function reportd.inbox_may_cancel(owner regrole, c reportd.report_config) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	select coalesce(pg_has_role($1, (c).owner, 'USAGE'), false)
$$;

-- Cancels the report of a row because the row asks for it. A report that another session has
-- locked is left alone: its row asks again.
create function reportd.inbox_cancel(b reportd.report_inbox, id bigint) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
begin
	select * into c from reportd.report_config r where r.config_id = id for update skip locked;
	if c.config_id is null then
		return not exists (select from reportd.report_config r where r.config_id = id);
	elsif not reportd.inbox_may_cancel(b.owner, c) then
		return true;
	elsif c.trigger_type <> 'ADHOC' and c.is_active then
		update reportd.report_config r set is_active = false where r.config_id = id;
		update reportd.report_inbox_row o
		set status = 'CANCELLED', error_message = 'it is run no more', output_url = null,
			revision = o.revision + 1, changed_at = now()
		where o.config_id = id;
	end if;
	perform reportd.cancel_report(c, c.created_by);
	return true;
end $$;

-- A row that was taken before is told its state again when somebody has set it back, when it
-- asks for its cancellation, or when other rows have its ID. A state that the other database
-- has refused is not tried again for an hour.
create function reportd.inbox_known(b reportd.report_inbox, k reportd.report_inbox_row, r jsonb)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	same constant bigint := case when (r ->> 'same')::bigint > 1
		and r ->> 'status' is distinct from 'CANCELLED' then (r ->> 'same')::bigint end;
begin
	if r ->> 'status' = 'CANCELLED' and k.config_id is not null
		and not reportd.inbox_cancel(b, k.config_id) then
		return;
	end if;
	update reportd.report_inbox_row i
	set revision = i.revision + (i.told >= i.revision)::int, shared = coalesce(same, i.shared)
	where (i.told >= i.revision or same is not null) and (i.inbox, i.external_id) = any (
		select o.inbox, o.external_id from reportd.report_inbox_row o
		where (o.inbox, o.external_id) = (k.inbox, k.external_id)
			and (o.refusal is null or o.refused_at < now() - interval '1 hour')
		for update skip locked);
end $$;

-- Takes one row: {"id", "status", "same", "row": {COLUMN: text}, "fault"}, where `same` is the
-- number of rows there that have its ID. outcome: taken, refused, known; full: the quotas allow
-- no more; waits: another session holds a lock, or the server is short of some resource. `why`
-- gives the reason; with the last two outcomes nothing was done, and a later turn meets the row
-- again.
create function reportd.inbox_take(b reportd.report_inbox, r jsonb, is_full boolean,
	out outcome text, out why text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	id constant text := r ->> 'id';
	same constant bigint := (r ->> 'same')::bigint;
	k reportd.report_inbox_row;
	made bigint;
	state text;
	mend text;
begin
	select * into k from reportd.report_inbox_row o
	where o.inbox = b.inbox and o.external_id = id;
	outcome := 'known';
	if id is null or octet_length(id) not between 1 and 1000 then
		return;
	elsif k.external_id is not null then
		perform reportd.inbox_known(b, k, r);
		return;
	elsif r ->> 'status' = 'CANCELLED' then
		insert into reportd.report_inbox_row (inbox, external_id, status, error_message)
		values (b.inbox, id, 'CANCELLED', 'cancelled before it was taken') on conflict do nothing;
		outcome := 'refused';
		return;
	elsif is_full then
		outcome := 'full';
		return;
	end if;
	insert into reportd.report_inbox_row (inbox, external_id, status)
	values (b.inbox, id, 'PROCESSING') on conflict do nothing;
	if not found then
		return;
	end if;
	why := case when same > 1 then reportd.inbox_sharing(same, id, null) else r ->> 'fault' end;
	if why is null then
		made := reportd.inbox_submit(b, id, r -> 'row');
	end if;
	outcome := case when made is null then 'refused' else 'taken' end;
	update reportd.report_inbox_row o
	set config_id = made, status = case when made is null then 'FAILED' else o.status end,
		error_message = left(why, 1000), shared = case when same > 1 then same end
	where o.inbox = b.inbox and o.external_id = id;
exception when others then
	-- A row with a fault fails alone; an error that is no fault of the row lets it wait.
	get stacked diagnostics state = returned_sqlstate, why = message_text, mend = pg_exception_hint;
	if k.external_id is not null or state = '55P03' or left(state, 2) in ('40', '53', '57', '58') then
		outcome := 'waits';
		why := format('row %s waits: %s', left(id, 100), left(why, 500));
		return;
	end if;
	-- Others of the owner may have taken the room meanwhile.
	mend := concat_ws(' ', why || '.', nullif(mend, ''));
	why := reportd.inbox_full(b.owner);
	if why is not null then
		outcome := 'full';
		return;
	end if;
	outcome := 'refused';
	insert into reportd.report_inbox_row (inbox, external_id, status, error_message)
	values (b.inbox, id, 'FAILED', left(mend, 1000));
end $$;
