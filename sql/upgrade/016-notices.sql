-- SPDX-License-Identifier: MIT
-- Notices: one row for each recipient of a run's end, written in the transaction
-- that ends the run, delivered by the daemons, each with a state of its own.

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
-- The claim hops over it from lane to lane and from owner to owner.
create index report_notification_turn on reportd.report_notification (lane, owner, due_at)
	where state = 'PENDING';
create index report_notification_failed on reportd.report_notification (created_at)
	where state = 'FAILED';
create index report_notification_sending on reportd.report_notification (worker_id)
	where state = 'SENDING';

create function reportd.notice_channel(url text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select case lower(substring(url from '^([A-Za-z]+):'))
		when 'mailto' then 'mail' when 'sns' then 'sns' when 'slack' then 'slack'
		when 'https' then 'webhook' when 'http' then 'webhook' end
$$;

-- Returns the part of a notice's URL that may be shown: a webhook's path is often a
-- secret.
create function reportd.notice_shown(url text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select coalesce(
		lower(substring(url from '^(?:[Ss][Ll][Aa][Cc][Kk]:)?([A-Za-z]+://[^/?#@]*)(?:[/?#]|$)')),
		case when reportd.notice_channel(url) in ('mail', 'sns') then
			substring(url from '^[^?]{0,200}')
		else coalesce(substring(url from '^([A-Za-z][A-Za-z0-9+.-]*:)') || '…', '…') end)
$$;

-- Percent-decoding (RFC 3986); null when it is not done well.
create function reportd.url_decode(text text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if text ~ '%(?![0-9A-Fa-f]{2})' then
		return null;
	elsif strpos(text, '%') = 0 then
		return text;
	end if;
	return convert_from(string_agg(case when p.m[1] like '\%%'
				then decode(substr(p.m[1], 2), 'hex')
				else convert_to(p.m[1], 'UTF8') end,
			'' order by p.place), 'UTF8')
		from regexp_matches(text, '%..|[^%]+', 'g') with ordinality p(m, place);
exception when character_not_in_repertoire or untranslatable_character then
	return null;
end $$;

-- The fields of a mailto: URL (RFC 6068); what stands before `?` is called "to".
create function reportd.mail_fields(url text)
returns table (name text, raw text, value text)
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select f.name, f.raw, reportd.url_decode(f.raw)
	from (select 'to' as name, substring(url from '^[^:]*:([^?]*)') as raw
		union all
		select lower(split_part(q.q, '=', 1)), substr(q.q, strpos(q.q || '=', '=') + 1)
		from unnest(string_to_array(substring(url from '\?(.*)$'), '&')) q) f
$$;

-- Returns the recipients of a mail's URL, in its order.
create function reportd.mail_addresses(url text) returns setof text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select btrim(reportd.url_decode(a.a))
	from reportd.mail_fields(url) f
	cross join unnest(string_to_array(f.raw, ',')) a(a)
	where f.name in ('to', 'cc', 'bcc') and btrim(a.a) <> ''
$$;

-- The next functions, one for each kind of address, say what is wrong with one and what
-- to write instead; null: nothing is wrong.

create function reportd.mail_error(url text, out message text, out hint text)
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	bad text;
	-- As common/notice/mail_text.c knows them.
	names constant text[] := '{report_name,report_type,status,run_id,config_id,attempt,rows,bytes,output_url,sha256,scheduled_for,time_zone,started_at,finished_at,remark,error_stage,error_sqlstate,error_message,hint}';
begin
	hint := 'For example ''mailto:ann@example.com,bob@example.com?subject=Sales&report=attach''; other characters as %XX.';
	if exists (select from reportd.mail_fields(url) f where f.value is null) then
		message := 'holds a % that is no %XX of UTF-8 text';
		return;
	end if;
	select f.name into bad from reportd.mail_fields(url) f
	where f.name not in ('to', 'cc', 'bcc', 'subject', 'body', 'report') limit 1;
	if bad is not null then
		message := format('has an unknown field "%s"', bad);
		hint := 'Known: to, cc, bcc, subject, body and report.';
		return;
	end if;
	select f.name into bad from reportd.mail_fields(url) f
	where f.value ~ '[\x01-\x1f\x7f]' and f.name <> 'body' limit 1;
	if bad is not null then
		message := format('has a line break or a control character in "%s"', bad);
		hint := 'Only the body may have line breaks, as %0D%0A.';
		return;
	end if;
	select m.m[1] into bad from reportd.mail_fields(url) f
	cross join lateral regexp_matches(f.value, '\{([^}]*)\}', 'g') m(m)
	where f.name in ('subject', 'body') and m.m[1] <> all (names) limit 1;
	if bad is not null then
		message := format('has an unknown name "{%s}" in its subject or body', bad);
		hint := format('Known: {%s}.', array_to_string(names, '}, {'));
		return;
	end if;
	select f.value into bad from reportd.mail_fields(url) f
	where f.name = 'report' and f.value not in ('attach', 'link', 'inline', 'none') limit 1;
	if bad is not null then
		message := format('has report=%s', bad);
		hint := 'Write report=attach, link, inline or none.';
		return;
	end if;
	select a into bad from reportd.mail_addresses(url) a
	where a !~ '^[A-Za-z0-9.!#$%&''*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$'
		or length(a) > 254 limit 1;
	if bad is not null then
		message := format('has "%s", which is no mail address', bad);
	elsif not exists (select from reportd.mail_addresses(url)) then
		message := 'names no address';
	end if;
end $$;

create function reportd.webhook_error(url text, out message text, out hint text)
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	authority text := substring(url from '^[A-Za-z]+://([^/?#]*)');
	host text := lower(substring(authority from '^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(?::[0-9]{1,5})?$'));
begin
	hint := 'Write it as https://host/path; other characters as %XX.';
	if strpos(authority, '@') > 0 then
		message := 'has a user or password before the host';
		hint := 'Leave it out; the receiver checks the signature of [webhook] secret.';
	elsif host is null or substring(authority from ':([0-9]+)$')::int not between 1 and 65535 then
		message := 'has no sound host';
	elsif url !~ '^[!-~]+$' or strpos(url, '#') > 0 then
		message := 'holds a blank, a # or a character that is not ASCII';
	elsif url ~* '^http:' and host <> 'localhost' and host <> '[::1]'
		and host !~ '^127\.[0-9]+\.[0-9]+\.[0-9]+$' then
		message := 'is not encrypted';
		hint := 'Write https://; http:// is for loopback addresses only.';
	end if;
end $$;

create function reportd.notice_error(url text, out message text, out hint text)
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	known constant text := 'Write mailto:ann@example.com, sns:arn:aws:sns:REGION:ACCOUNT:TOPIC, slack:https://hooks.slack.com/… or https://host/path.';
begin
	if url is null or btrim(url) = '' then
		message := 'is empty';
		hint := known;
	elsif octet_length(url) > 8000 then
		message := 'is longer than 8000 bytes';
		hint := 'Write a shorter one.';
	elsif url ~ '[\x01-\x1f\x7f]' then
		message := 'holds a line break or a control character';
		hint := 'Leave it out; in a mail''s body write %0D%0A for a line break.';
	else
		case reportd.notice_channel(url)
			when 'mail' then
				select m.* into message, hint from reportd.mail_error(url) m;
			when 'webhook' then
				select m.* into message, hint from reportd.webhook_error(url) m;
			when 'slack' then
				select m.* into message, hint
				from reportd.webhook_error(substr(url, length('slack:') + 1)) m;
				if message is null and url !~ '://[^/?]+/[^?]' then
					message := 'has no path, which names the channel';
					hint := 'Copy it from the app''s incoming webhooks: slack:https://hooks.slack.com/services/….';
				end if;
			when 'sns' then
				if url !~ '^[Ss][Nn][Ss]:arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+(\.fifo)?$'
					or length(substring(url from '[^:]*$')) > 256 then
					message := 'is no ARN of a topic';
					hint := 'Write sns:arn:aws:sns:REGION:ACCOUNT:TOPIC, the account with its 12 digits.';
				end if;
			else
				message := 'has no known scheme';
				hint := known;
		end case;
	end if;
end $$;

create function reportd.check_notices(name text, urls text[]) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	url text;
	wrong record;
	recipients int := 0;
begin
	foreach url in array coalesce(urls, '{}') loop
		select * into wrong from reportd.notice_error(url);
		if wrong.message is not null then
			perform reportd.refuse(format('%s: "%s" %s', name,
				coalesce(reportd.notice_shown(url), ''), wrong.message), wrong.hint);
		end if;
		recipients := recipients + case reportd.notice_channel(url) when 'mail'
			then (select count(*) from reportd.mail_addresses(url)) else 1 end;
	end loop;
	if recipients > 200 then
		perform reportd.refuse(
			format('%s: %s recipients are too many', name, recipients),
			'200 at most; write the address of a mailing list or a topic.');
	end if;
end $$;

create function reportd.report_config_notices() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
	set standard_conforming_strings = on as $$
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

-- One row a recipient. What was written before there were checks must not keep
-- a run from ending: a URL that is wrong gives a row with its error.
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

-- Writes the notices of runs that end, for the statements that end them. Returns how many
-- are to be delivered.
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
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.resend is
	'Delivers a notice once more: a FAILED one with all its attempts, a SENT one again, a PENDING one now.';

-- A report whose list was mended is told by its present list: an address that is
-- no longer on it is given up for those that the run has not told yet.
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
-- One refusal, one line of context.
exception when invalid_parameter_value or insufficient_privilege then
	get stacked diagnostics refusal = message_text, mend = pg_exception_hint;
	raise exception using errcode = sqlstate, message = refusal, hint = mend;
end $$;
comment on function reportd.resend_failed is
	'Delivers the FAILED notices of a report, or of all that the caller may act on, once more, to the addresses that the report has now; returns how many.';

-- Ends a PENDING report as FAILED, with a run that says why.
create function reportd.end_unclaimed(worker_id uuid, config_id bigint, why text)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	c reportd.report_config;
	id bigint;
begin
	select * into c from reportd.report_config r where r.config_id = end_unclaimed.config_id;
	insert into reportd.report_run (config_id, request_id, owner, report_name, attempt,
		scheduled_for, worker_id, status, finished_at, error_stage, error_message)
	values (c.config_id, c.request_id, c.owner, c.report_name, c.attempt + 1,
		coalesce(c.scheduled_for, c.due_at), worker_id, 'FAILED', now(), 'start', why)
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

-- Says whether a report is too large for a worker, by its size on disk: nothing is
-- unpacked.
create function reportd.is_large(c reportd.report_config) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select greatest(pg_column_size($1.parameters), pg_column_size($1.run_parameters),
			pg_column_size($1.output_options)) > 2000000
		or coalesce(octet_length($1.prep_sql), 0) + coalesce(octet_length($1.export_sql), 0)
			+ coalesce(octet_length($1.result_sql), 0) > 4000000
$$;

-- Says why a report cannot be handed to a worker; null: it can.
create function reportd.unfit(c reportd.report_config) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	slow constant text := 'the report takes too long to be read by a claim';
	began timestamptz := clock_timestamp();
	size bigint;
begin
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

-- After a claim that failed as a whole: the due rows that cannot be handed to a
-- worker end FAILED, each with its reason. Rows are read in the order of the index
-- report_config_due, 1000 in one call or as many as it can in half a second; the next
-- call begins at `place`, null: these were the last. Only what ends is locked.
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
