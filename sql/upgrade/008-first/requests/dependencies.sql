-- SPDX-License-Identifier: MIT
-- Reports that wait for others: the keys that run_after may name, and the triggers that keep the
-- dependencies true.

-- Returns the keys that run_after may hold: those of reports that the owner may act on, since a
-- report that others run after keeps its key and cannot be deleted.
create function reportd.check_run_after(new reportd.report_config, old reportd.report_config)
returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	bad text;
	theirs regrole;
	how constant text := 'Write an array of keys, such as run_after => ''{daily_load,rates}''.';
begin
	if extract(epoch from new.wait_timeout) < 1 then
		perform reportd.refuse(
			format('wait_timeout %s is shorter than a second', new.wait_timeout),
			'Write an interval such as ''6 hours'', or null for 24 hours.');
	end if;
	if coalesce(cardinality(new.run_after), 0) = 0 then
		if new.trigger_type = 'AFTER' then
			perform reportd.refuse(
				format('report "%s" is AFTER without run_after', new.report_name), how);
		end if;
		return null;
	elsif new.trigger_type = 'ADHOC' then
		perform reportd.refuse(
			format('report "%s" has run_after but is ADHOC', new.report_name),
			'Set trigger_type to ''AFTER'' (it runs each time when those have), or to ''SCHEDULED'' (at its own times it waits for them).');
	elsif array_ndims(new.run_after) > 1 or array_position(new.run_after, null) is not null then
		perform reportd.refuse('run_after is no list of keys', how);
	elsif cardinality(new.run_after) > 100 then
		perform reportd.refuse(
			format('run_after has %s keys; at most 100 are taken', cardinality(new.run_after)),
			'Let a report of its own run after some of them, and this one after that.');
	elsif new.report_key = any (new.run_after) then
		perform reportd.refuse(
			format('report "%s" cannot run after itself', new.report_key),
			'Name other reports in run_after.');
	end if;
	select k into bad from unnest(new.run_after) k group by k having count(*) > 1 limit 1;
	if bad is not null then
		perform reportd.refuse(format('run_after names "%s" twice', left(bad, 100)),
			'Name each report once.');
	end if;
	if old.run_after is not distinct from new.run_after and old.owner = new.owner then
		return new.run_after;
	end if;
	-- One look-up by key for each.
	select k into bad from unnest(new.run_after) k
	where not coalesce((select reportd.acts_for(new.owner, p.owner)
		from reportd.report_config p where p.report_key = k), false) limit 1;
	select p.owner into theirs from reportd.report_config p
	where p.report_key = bad and reportd.sees(new.owner, p.owner);
	if theirs is not null then
		perform reportd.refuse(
			format('run_after: %s may see report "%s" of %s, but not run it', new.owner, bad, theirs),
			format('A report runs after those that its owner could run: submit it as a member of %s, or let an operator do so.',
				theirs));
	elsif bad is not null then
		perform reportd.refuse(
			format('run_after: there is no report with the key "%s" that %s may see',
				left(bad, 100), new.owner),
			'Give that report a report_key, and submit it first; see report_key in reportd.report_config.');
	end if;
	return new.run_after;
end $$;

-- Lists the reports that wait for a report, as far as the acting role may see them.
create function reportd.children_of(config_id bigint) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
	select concat_ws(' and ',
		(select string_agg(s.label, ', ' order by s.label) from (
			select reportd.label(c) as label from reportd.report_dependency d
			join reportd.report_config c on c.config_id = d.child_id
			where d.parent_id = $1 and reportd.sees(reportd.acting_role(), c.owner)
			limit 20) s),
		(select case when n.n > 0 then n.n || ' more' end from (
			select count(*) - least(20, count(*) filter (
				where reportd.sees(reportd.acting_role(), c.owner))) as n
			from reportd.report_dependency d
			join reportd.report_config c on c.config_id = d.child_id
			where d.parent_id = $1) n))
$$;

create function reportd.refuse_needed(c reportd.report_config, what text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if exists (select from reportd.report_dependency d where d.parent_id = c.config_id) then
		perform reportd.refuse(
			format('%s: these run after it: %s', what, reportd.children_of(c.config_id)),
			'Take it out of their run_after first: select reportd.change(ID, ''{"run_after": […]}''). For reports of others an operator can.');
	end if;
end $$;

-- Says whether a report runs after more than 100 others in a row. A daemon goes up such a row
-- for each request that waits.
create function reportd.is_far(config_id bigint) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
	with recursive up(id, n) as (
		select $1, 0
		union
		select d.parent_id, up.n + 1 from up
		join reportd.report_dependency d on d.child_id = up.id
		where up.n <= 100
	)
	select exists (select from up where up.n > 100)
$$;

create function reportd.check_row(config_id bigint) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if reportd.is_far(config_id) then
		perform reportd.refuse('more than 100 reports would run one after the other',
			'Put several of them into one, as statements of prep_sql.');
	end if;
end $$;

-- Refuses a circle, which would never run. An AFTER report takes up one request for each beginning
-- of its pipeline; so do the reports after it.
create function reportd.check_dependencies(config_id bigint) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
begin
	select * into c from reportd.report_config r where r.config_id = check_dependencies.config_id;
	if exists (
		with recursive up(id) as (
			select d.parent_id from reportd.report_dependency d where d.child_id = c.config_id
			union
			select d.parent_id from up join reportd.report_dependency d on d.child_id = up.id
		)
		select from up where up.id = c.config_id) then
		perform reportd.refuse(
			format('report "%s" would wait for itself: one that it runs after runs after it, at once or through others',
				reportd.label(c)),
			'Take one of the two out of the other''s run_after.');
	end if;
	perform reportd.check_row(d.id)
	from (with recursive down(id) as (
			select c.config_id
			union
			select d.child_id from down
			join reportd.report_dependency d on d.parent_id = down.id)
		select down.id from down) d;
	for c in
		with recursive down(id) as (
			select c.config_id
			union
			select d.child_id from down join reportd.report_dependency d on d.parent_id = down.id
			join reportd.report_config k on k.config_id = d.child_id
			where k.trigger_type = 'AFTER'
		)
		select k.* from down join reportd.report_config k on k.config_id = down.id
		where k.trigger_type = 'AFTER'
	loop
		if cardinality(reportd.roots_of(c.config_id)) > 1 then
			perform reportd.refuse(
				format('%s is AFTER, and the reports that it runs after do not begin with the same one',
					case when reportd.sees(reportd.acting_role(), c.owner)
						then format('report "%s"', reportd.label(c))
						else 'a report of others, which runs after this one,' end),
				'Make it SCHEDULED with run_after: at its own times it waits for the latest run of each.');
		end if;
	end loop;
end $$;

-- Refuses at once, for the sake of the message; dependency_at_commit() decides.
create function reportd.keep_dependencies() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	message text;
	hint text;
begin
	if tg_op = 'UPDATE' then
		delete from reportd.report_dependency d
		where d.child_id = new.config_id and not exists (
			select from reportd.report_config p
			where p.config_id = d.parent_id and p.report_key = any (new.run_after));
	end if;
	insert into reportd.report_dependency (child_id, parent_id, changed)
	select new.config_id, p.config_id, tg_op = 'UPDATE'
	from reportd.report_config p where p.report_key = any (new.run_after)
	on conflict (child_id, parent_id) do nothing;
	perform reportd.check_dependencies(new.config_id)
	where tg_op = 'UPDATE' or cardinality(new.run_after) > 1;
	perform reportd.check_row(new.config_id) where tg_op = 'INSERT';
	if tg_op = 'UPDATE' then
		-- A request that waited for a parent that is gone may be free.
		perform reportd.ask_look(new);
	end if;
	return null;
exception when invalid_parameter_value then
	get stacked diagnostics message = message_text, hint = pg_exception_hint;
	raise exception using errcode = '22023', message = message, hint = hint;
end $$;
create trigger d_dependencies_insert after insert on reportd.report_config
	for each row when (new.run_after is not null)
	execute function reportd.keep_dependencies();
create trigger d_dependencies_update after update of run_after, trigger_type
	on reportd.report_config
	for each row when ((new.run_after is not null or old.run_after is not null
			or new.has_children)
		and (old.run_after, old.trigger_type) is distinct from (new.run_after, new.trigger_type))
	execute function reportd.keep_dependencies();

-- Two changes of run_after could make a circle that neither of them sees, so they are checked one
-- after the other. The turn is the owner's: the reports of a circle have one owner, or operators as
-- owners, since no two other roles may act for each other.
create function reportd.take_change_turn(child_id bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
	turn regrole := (select case when pg_has_role(c.owner, 'reportd_operator', 'USAGE')
			then 'reportd_operator'::regrole else c.owner end
		from reportd.report_config c where c.config_id = child_id);
begin
	insert into reportd.owner_turn as t (owner) values (turn)
	on conflict on constraint owner_turn_pkey do update set taken = t.taken + 1;
exception when lock_not_available then
	raise exception using errcode = '55P03',
		message = format('somebody else changes reports of %s just now', turn),
		hint = 'Try again when that transaction has ended.';
end $$;

-- Runs when a transaction commits, so that a transaction that stays open does not delay a parent,
-- and itself waits only for transactions that are committing. The parent's row is written each time,
-- so that a transaction that removes the last child at the same time meets this one.
create function reportd.lock_parent(parent_id bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
begin
	perform from reportd.report_config c where c.config_id = parent_id for update;
exception when lock_not_available then
	raise exception using errcode = '55P03',
		message = format('report %s, which is in run_after, is being changed by somebody else',
			parent_id),
		hint = 'Try again when that transaction has ended.';
end $$;

-- A report that nobody waits for any more becomes an ordinary one. A report that another owner has
-- got meanwhile is not locked: it keeps its requests as before.
create function reportd.dependency_gone(parent_id bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if not exists (select from reportd.report_config c
		where c.config_id = parent_id and reportd.may_act(c.owner)) then
		return;
	end if;
	perform reportd.lock_parent(parent_id);
	update reportd.report_config c set has_children = false
	where c.config_id = dependency_gone.parent_id and c.has_children and not exists (
		select from reportd.report_dependency d where d.parent_id = dependency_gone.parent_id);
end $$;

create function reportd.dependency_at_commit() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
	set lock_timeout = '2s' as $$
declare
	p reportd.report_config;
	written boolean; -- by this transaction, for another child
begin
	if tg_op = 'DELETE' then
		perform reportd.dependency_gone(old.parent_id);
		return null;
	elsif not exists (select from reportd.report_dependency d
		where d.child_id = new.child_id and d.parent_id = new.parent_id) then
		return null;
	end if;
	if new.changed then
		perform reportd.take_change_turn(new.child_id);
		perform reportd.check_dependencies(new.child_id);
	end if;
	perform reportd.lock_parent(new.parent_id);
	select * into p from reportd.report_config c where c.config_id = new.parent_id;
	if p.config_id is null then
		perform reportd.refuse('a report in run_after was deleted meanwhile',
			'Leave it out.');
	end if;
	select c.xmin = pg_current_xact_id()::xid into written
	from reportd.report_config c where c.config_id = p.config_id;
	if not p.has_children or not written then
		-- The request that it completed before anybody waited for it is kept from now on.
		perform reportd.keep_request(p);
		update reportd.report_config c
		set has_children = true, request_kept = c.request_kept
			or c.request_id is not null and c.status in ('COMPLETED', 'FAILED', 'CANCELLED')
		where c.config_id = p.config_id;
		update reportd.report_request q set opens = false
		where not p.has_children and q.config_id = p.config_id and q.newest
			and q.opens is null;
	end if;
	-- An ADHOC report may have been quicker than the INSERT of the one after it.
	insert into reportd.report_look (config_id, owner, request_id)
	select c.config_id, c.owner, case when p.trigger_type = 'ADHOC' and not new.changed
		then p.request_id end
	from reportd.report_config c where c.config_id = new.child_id;
	perform pg_notify('reportd_pending', '');
	return null;
end $$;
create constraint trigger at_commit after insert or delete on reportd.report_dependency
	deferrable initially deferred
	for each row execute function reportd.dependency_at_commit();

create function reportd.refuse_delete() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform reportd.refuse_needed(old, format('report %s cannot be deleted', old.config_id));
	return old;
end $$;
create trigger b_needed before delete on reportd.report_config
	for each row when (old.has_children) execute function reportd.refuse_delete();

create function reportd.forget_dependencies() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	delete from reportd.report_dependency d where d.child_id = old.config_id;
	delete from reportd.report_look l where l.config_id = old.config_id;
	return null;
end $$;
create trigger d_dependencies_delete after delete on reportd.report_config
	for each row when (old.run_after is not null)
	execute function reportd.forget_dependencies();
