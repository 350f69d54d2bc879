-- SPDX-License-Identifier: MIT
-- Addresses of notices: mailto:, sns:, slack: and the URLs of webhooks; functions that say what
-- is wrong with one.

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

-- Decodes %XX (RFC 3986); null when a code is malformed.
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

-- Returns the fields of a mailto: URL (RFC 6068); the part before `?` is called "to".
create function reportd.mail_fields(url text)
returns table (name text, raw text, value text)
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select f.name, f.raw, reportd.url_decode(f.raw)
	from (select 'to' as name, substring(url from '^[^:]*:([^?]*)') as raw
		union all
		select lower(split_part(q.q, '=', 1)), substr(q.q, strpos(q.q || '=', '=') + 1)
		from unnest(string_to_array(substring(url from '\?(.*)$'), '&')) q) f
$$;

-- Returns the recipients of a mail's URL, in the order of the URL.
create function reportd.mail_addresses(url text) returns setof text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select btrim(reportd.url_decode(a.a))
	from reportd.mail_fields(url) f
	cross join unnest(string_to_array(f.raw, ',')) a(a)
	where f.name in ('to', 'cc', 'bcc') and btrim(a.a) <> ''
$$;

-- The next functions, one for each kind of address, say what is wrong with an address and what
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
	select f.raw into bad from reportd.mail_fields(url) f
	where f.name = 'report' and f.raw not in ('attach', 'link', 'inline', 'none') limit 1;
	if bad is not null then
		message := format('has report=%s', bad);
		hint := 'Write report=attach, link, inline or none.';
		return;
	end if;
	select a into bad from reportd.mail_addresses(url) a
	where a !~ '^[A-Za-z0-9.!#$%&''*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$'
		or length(a) > 254 or a ~ '@(.*\.)?[^.]{64}' limit 1;
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
	elsif host is null or length(host) > 253 or substring(authority from ':([0-9]+)$')::int not between 1 and 65535 then
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
