-- SPDX-License-Identifier: MIT
-- Tools of the checks: refusals with a hint, the acting role, and reading SQL as a text.

-- A message may quote a value of any length; the server's log takes each message, too.
create function reportd.refuse(message text, hint text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	raise exception using errcode = '22023', hint = hint, message =
		case when length(message) > 2000 then left(message, 1999) || '…' else message end;
end $$;

-- Returns a number with its noun, such as 1 report, 2 reports.
create function reportd.counted(n bigint, one text, many text default null) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select $1 || ' ' || case $1 when 1 then $2 else coalesce($3, $2 || 's') end
$$;

-- Returns the acting role: the one that was set, or else the one that logged in. It is
-- the same within functions that run with their owner's rights.
create function reportd.acting_role() returns oid
language sql stable set search_path = pg_catalog, pg_temp as $$
	select case when current_setting('role') = 'none'
		then to_regrole(quote_ident(session_user))::oid
		-- The setting is a name, which another role may have by now.
		else (select r.oid from pg_roles r where r.rolname = current_setting('role')
			and pg_has_role(session_user, r.oid, 'MEMBER')) end
$$;

-- Says whether an interval can be added to a time of now: it is 100 years at most, and has no
-- part below zero. Parts of opposite signs could be far apart and short together, as -100000000
-- days and 2400000001 hours, which are one hour.
create function reportd.is_span(span interval) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select $1 <= interval '100 years' and least(extract(year from $1), extract(month from $1),
		extract(day from $1), extract(hour from $1), extract(minute from $1),
		extract(second from $1)) >= 0
$$;

-- Counts the statements of an SQL text, and returns what is not closed in it and the parameters
-- that it names. It reads as common/source/sqltext.c does, except for the bodies of routines,
-- which no query has. It looks at one character at a time: a slice of c would copy all of it.
create function reportd.scan_sql(
	sql text, out statements int, out unclosed text, out names text[])
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	c text[];
	n int;
	i int := 1;
	depth int;
	parentheses int := 0;
	content boolean := false; -- of the statement so far
	backslash boolean;
	quote text;
	word text;
	broken boolean;
	at int;
	last int;
begin
	statements := 0;
	c := string_to_array(sql, null);
	n := cardinality(c);
	while i <= n loop
		if c[i] ~ '[ \t\n\r\f\v]' then
			i := i + 1;
		elsif c[i] = '-' and c[i + 1] = '-' then
			while i <= n and c[i] <> E'\n' and c[i] <> E'\r' loop
				i := i + 1;
			end loop;
		elsif c[i] = '/' and c[i + 1] = '*' then
			depth := 1;
			i := i + 2;
			while i <= n and depth > 0 loop
				if c[i] = '/' and c[i + 1] = '*' then
					depth := depth + 1;
					i := i + 1;
				elsif c[i] = '*' and c[i + 1] = '/' then
					depth := depth - 1;
					i := i + 1;
				end if;
				i := i + 1;
			end loop;
			if depth > 0 then
				content := true;
				unclosed := 'a comment /*';
			end if;
		elsif c[i] = ':' then
			content := true;
			at := i + 2;
			while c[i + 1] in ('''', '"') and c[at] ~ '[A-Za-z0-9_]' loop
				at := at + 1;
			end loop;
			if at > i + 2 and c[at] = c[i + 1] then
				word := '';
				for k in i + 2 .. least(at - 1, i + 1000) loop
					word := word || c[k];
				end loop;
				names := names || word;
				i := at + 1;
			else
				i := i + case when c[i + 1] = ':' then 2 else 1 end;
			end if;
		elsif c[i] in ('''', '"') or (c[i] in ('e', 'E') and c[i + 1] = '''') then
			content := true;
			backslash := c[i] in ('e', 'E');
			i := i + backslash::int;
			quote := c[i];
			loop
				i := i + 1;
				unclosed := case quote when '"' then 'a name "' else 'a text ''' end;
				while i <= n loop
					if backslash and c[i] = '\' then
						i := i + 1;
					elsif c[i] = quote and c[i + 1] = quote then
						i := i + 1;
					elsif c[i] = quote then
						unclosed := null;
						exit;
					end if;
					i := i + 1;
				end loop;
				i := i + 1;
				exit when not backslash;
				-- The literal goes on after a line break.
				at := i;
				broken := false;
				while c[at] ~ '[ \t\n\r\f\v]' loop
					broken := broken or c[at] ~ '[\n\r]';
					at := at + 1;
				end loop;
				exit when c[at] is distinct from '''' or not broken;
				i := at;
			end loop;
		elsif c[i] = '$' then
			content := true;
			at := i + 1;
			if c[at] ~ '[A-Za-z_]' or c[at] > E'\x7f' collate "C" then
				while c[at] ~ '[A-Za-z0-9_]' or c[at] > E'\x7f' collate "C" loop
					at := at + 1;
				end loop;
			end if;
			if c[at] = '$' then
				unclosed := 'a text ';
				for k in i .. least(at, i + 1000) loop
					unclosed := unclosed || c[k];
				end loop;
				-- from one $ to the next, which may end it
				last := at;
				loop
					last := last + 1;
					while c[last] <> '$' loop
						last := last + 1;
					end loop;
					exit when last > n;
					depth := 1;
					while depth < at - i and c[last + depth] = c[i + depth] loop
						depth := depth + 1;
					end loop;
					if depth = at - i and c[last + depth] = '$' then
						unclosed := null;
						last := last + depth;
						exit;
					end if;
				end loop;
				i := last + 1;
			else
				i := i + 1;
			end if;
		elsif c[i] ~ '[A-Za-z_]' or c[i] > E'\x7f' collate "C" then
			content := true;
			while c[i] ~ '[A-Za-z0-9_$]' or c[i] > E'\x7f' collate "C" loop
				i := i + 1;
			end loop;
		elsif c[i] = ';' and parentheses = 0 then
			statements := statements + content::int;
			content := false;
			i := i + 1;
		else
			content := true;
			if c[i] = '(' then
				parentheses := parentheses + 1;
			elsif c[i] = ')' and parentheses > 0 then
				parentheses := parentheses - 1;
			end if;
			i := i + 1;
		end if;
	end loop;
	statements := statements + content::int;
end $$;

create function reportd.statement_count(sql text) returns int
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	head text := left(ltrim(sql, E'; \t\n\r\f\v'), 2);
begin
	-- Nearly always: no semicolon within, and more than comments before the end.
	if head = '' then
		return 0;
	elsif strpos(rtrim(sql, E'; \t\r\n'), ';') = 0 and (head not in ('--', '/*')
		or sql !~ '/\*.*/\*' and regexp_replace(sql,
			'^([ \t\n\r\f\v;]|--[^\n\r]*([\n\r]|$)|/\*([^*]|\*+[^*/])*\*+/)*', '') <> '')
	then
		return 1;
	end if;
	return (reportd.scan_sql(sql)).statements;
end $$;

-- Refuses a quote or comment that has no end: an editor would show the rest of the text in one
-- colour. Marks that come in pairs are not looked at.
create function reportd.check_closed(name text, sql text) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	length constant int := length(sql);
	unclosed text;
begin
	if (length - length(replace(sql, '''', ''))) % 2 = 1
		or (length - length(replace(sql, '"', ''))) % 2 = 1
		or length - length(replace(sql, '/*', ' ')) <> length - length(replace(sql, '*/', ' '))
		or sql ~ '\\|\$[A-Za-z0-9_]*\$' then
		unclosed := (reportd.scan_sql(sql)).unclosed;
	end if;
	if unclosed is not null then
		perform reportd.refuse(format('%s: %s is not closed', name, unclosed),
			'Write its end; a quote within a text is written twice.');
	end if;
end $$;
