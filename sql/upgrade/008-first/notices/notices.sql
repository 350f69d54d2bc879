-- SPDX-License-Identifier: MIT
-- Notices: one row for each recipient of a run's end. The transaction that ends the run
-- writes them, the daemons deliver them, and each has a state of its own.

create table reportd.report_notification (
	notification_id bigint generated always as identity primary key,
	run_id bigint not null,
	config_id bigint not null,
	owner regrole not null,
	event text not null check (event in ('COMPLETED', 'FAILED')),
	channel text not null check (channel in
		('mail', 'sns', 'slack', 'webhook', 'unknown')),
	recipient text not null,
	url text not null,
	lane bigint not null generated always as (hashtextextended(
		case channel when 'mail' then channel else recipient end, 0)) stored,
	state text not null default 'PENDING' check (state in
		('PENDING', 'SENDING', 'SENT', 'FAILED')),
	attempts int not null default 0,
	due_at timestamptz not null default now(),
	worker_id uuid,
	last_error text,
	idempotency_key uuid not null default gen_random_uuid(),
	created_at timestamptz not null default now(),
	sent_at timestamptz
) with (
	-- Each is updated twice within moments.
	fillfactor = 70,
	autovacuum_vacuum_scale_factor = 0.05,
	autovacuum_vacuum_insert_scale_factor = 0.05
);
comment on table reportd.report_notification is
	'The outbox: who is told of the end of which run, and what became of it.';
comment on column reportd.report_notification.recipient is
	'One address, a topic''s ARN, or scheme and host of a webhook: the rest of its URL may be a secret.';
comment on column reportd.report_notification.url is
	'As written in notify_on_completion or notify_on_failure.';
comment on column reportd.report_notification.lane is
	'A number for its receiver: the mail server, a host, a topic. One that is slow delays its own lane only.';
comment on column reportd.report_notification.idempotency_key is
	'The same at each attempt: by it a receiver knows a notice that came twice.';
create index report_notification_run on reportd.report_notification (run_id);
create index report_notification_due on reportd.report_notification (due_at)
	where state = 'PENDING';
-- For the claim, which hops over it from lane to lane and from owner to owner.
create index report_notification_turn on reportd.report_notification (lane, owner, due_at)
	where state = 'PENDING';
create index report_notification_failed on reportd.report_notification (created_at)
	where state = 'FAILED';
create index report_notification_sending on reportd.report_notification (worker_id)
	where state = 'SENDING';

create function reportd.report_config_notices() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	message text;
	hint text;
begin
	perform reportd.check_notices('notify_on_completion', new.notify_on_completion);
	perform reportd.check_notices('notify_on_failure', new.notify_on_failure);
	return new;
exception when invalid_parameter_value then
	get stacked diagnostics message = message_text, hint = pg_exception_hint;
	raise exception using errcode = '22023', message = message, hint = hint;
end $$;
create trigger a_notices_insert before insert on reportd.report_config
	for each row when (new.notify_on_completion is not null
		or new.notify_on_failure is not null)
	execute function reportd.report_config_notices();
create trigger a_notices_update before update of notify_on_completion, notify_on_failure
	on reportd.report_config
	for each row execute function reportd.report_config_notices();

-- Makes one row for each recipient. A URL that was stored before such URLs were checked
-- must not keep a run from ending: a wrong one gets a row with its error.
create function reportd.notice_recipients(url text)
returns table (channel text, recipient text, target text, error text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	channel := coalesce(reportd.notice_channel(url), 'unknown');
	recipient := coalesce(reportd.notice_shown(url), '');
	target := url;
	select m.message into error from reportd.notice_error(url) m;
	if error is not null then
		error := 'the address ' || error;
	elsif channel = 'mail' then
		return query select 'mail', a, lower(a), null from reportd.mail_addresses(url) a;
		return;
	elsif channel = 'sns' then
		recipient := substr(url, length('sns:') + 1);
	end if;
	return next;
exception when others then
	error := 'the address cannot be read: ' || sqlerrm;
	return next;
end $$;

-- Writes the notices of runs that end; called by the statements that end them. Returns
-- how many notices are to be delivered.
create function reportd.write_notices(
	run_id bigint, config_id bigint, owner regrole, event text, urls text[]
) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
	with written as (
		insert into reportd.report_notification (run_id, config_id, owner, event, channel,
			recipient, url, state, last_error)
		select $1, $2, $3, $4, r.channel, r.recipient, r.url,
			case when r.error is null then 'PENDING' else 'FAILED' end, r.error
		from (
			-- Named twice, told once.
			select distinct on (k.channel, k.target) k.*, coalesce(u.url, '') as url, u.place
			from unnest($5) with ordinality u(url, place)
			cross join lateral reportd.notice_recipients(u.url) k
			order by k.channel, k.target, u.place) r
		order by r.place
		returning state
	)
	select count(*) from written w where w.state = 'PENDING'
$$;

create function reportd.resend(notification_id bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	n reportd.report_notification;
	refusal text;
	mend text;
begin
	perform reportd.check_actor();
	-- Asked before the row is locked: nobody holds up the notices of others.
	if exists (select from reportd.report_notification k
		where k.notification_id = resend.notification_id and reportd.may_act(k.owner)) then
		select * into n from reportd.report_notification k
		where k.notification_id = resend.notification_id for update;
	end if;
	if n.notification_id is null or not reportd.may_act(n.owner) then
		perform reportd.refuse(
			format('there is no notification %s of %s', notification_id,
				reportd.acting_name()),
			'See reportd.v_notifications, or `reportctl status ID`.');
	elsif n.state = 'SENDING' then
		perform reportd.refuse(
			format('notification %s is being sent', notification_id),
			'Wait for its end.');
	end if;
	-- Once more what had arrived is a new notice to its receiver; another
	-- attempt at what had not is the same one.
	update reportd.report_notification k
	set state = 'PENDING', attempts = 0, due_at = now(), last_error = null,
		sent_at = null, idempotency_key = case when k.state = 'SENT'
			then gen_random_uuid() else k.idempotency_key end
	where k.notification_id = n.notification_id;
	perform pg_notify('reportd_pending', '');
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.resend is
	'Delivers a notice once more: a FAILED one with all its attempts, a SENT one again, a PENDING one now.';

-- When the list of a report was corrected, its present list counts: a notice to an
-- address that is no longer on the list is given up, unless it was sent already.
create function reportd.resend_failed(config_id bigint default null) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	mended record;
	sent bigint := 0;
	refusal text;
	mend text;
begin
	perform reportd.check_actor();
	for mended in
		select n.run_id, n.config_id, n.owner, n.event,
			array_agg(n.notification_id) as stale,
			case n.event when 'COMPLETED' then c.notify_on_completion
				else c.notify_on_failure end as urls
		from reportd.report_notification n
		join reportd.report_config c on c.config_id = n.config_id
		where n.state = 'FAILED' and reportd.may_act(n.owner)
			and (resend_failed.config_id is null or n.config_id = resend_failed.config_id)
			and n.url <> all (coalesce(case n.event
				when 'COMPLETED' then c.notify_on_completion
				else c.notify_on_failure end, '{}'))
		group by n.run_id, n.config_id, n.owner, n.event, c.notify_on_completion, c.notify_on_failure
	loop
		delete from reportd.report_notification n
		where n.notification_id = any (mended.stale) and n.state = 'FAILED';
		sent := sent + reportd.write_notices(mended.run_id, mended.config_id,
			mended.owner, mended.event,
			array(select u.url from unnest(mended.urls) with ordinality u(url, place)
				where not exists (select from reportd.report_notification n
					where n.run_id = mended.run_id and n.event = mended.event
						and n.url = u.url)
				order by u.place));
	end loop;
	perform pg_notify('reportd_pending', '');
	return sent + (
		select count(reportd.resend(n.notification_id)::text)
		from reportd.report_notification n
		where n.state = 'FAILED' and n.channel <> 'unknown' and reportd.may_act(n.owner)
			and (resend_failed.config_id is null
				or n.config_id = resend_failed.config_id));
-- Raised anew, so that psql shows one line of context and not one for each function.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.resend_failed is
	'Delivers the FAILED notices of a report, or of all that the caller may act on, once more, to the addresses that the report has now; returns how many.';
