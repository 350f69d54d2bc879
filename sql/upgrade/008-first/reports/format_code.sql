-- SPDX-License-Identifier: MIT
-- Says why Excel could not read a number format code; null: it can. The rules and the
-- messages are those of common/encode/table/format_code.c.
create function reportd.format_code_error(code text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	english constant text := 'a code has a point for decimals and a comma for thousands '
		'whatever the reader''s language: #,##0.00; Excel shows those of its reader';
	mixed constant text := 'digits and letters of dates do not go together in one section';
	fraction constant text := 'a fraction is written as # ?/? or # ?/8';
	-- The part that is still to be read, in small letters: capitals mean the same, but
	-- for a lone E.
	s text := translate(code, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') || ';';
	piece text;
	-- The parts of the section so far; last: a digit, or the s of seconds, just before.
	sections int := 0;
	last text := '';
	digits int := 0;
	below int := 0; -- digits of the denominator
	shift int := 0;
	is_date boolean := false;
	is_elapsed boolean := false;
	is_text boolean := false;
	is_general boolean := false;
	has_point boolean := false;
	has_exponent boolean := false;
	has_thousands boolean := false;
	has_bar boolean := false;
	has_divisor boolean := false;
begin
	if octet_length(code) > 255 then
		return 'it has 255 bytes at most';
	end if;
	while s <> '' loop
		piece := substring(s from '^(?:"[^"]*"|\[[^]]*\]|[\\_*].|am/pm|a/p|general|e[-+][0#?]*|'
			'y+|m+|d+|h+|s+|e+|,+|/[1-9][0-9]*|.)');
		-- Tenths and so on of a second.
		if last = 's' and s ~ '^\.0' then
			piece := substring(s from '^\.0+');
		end if;
		s := substr(s, length(piece) + 1);
		case
		when piece = ';' then
			sections := sections + 1;
			if has_bar and below = 0 and not has_divisor then
				return fraction;
			elsif below > 5 then
				return 'a fraction is of five digits at most';
			elsif is_text and (is_date or digits > 0) then
				return '@ stands for a text, in a section of its own';
			elsif is_general and (is_date or digits > 0) then
				return 'General stands alone';
			elsif sections = 4 and s <> '' then
				return 'it has four sections at most';
			elsif is_text and s <> '' then
				return '@ belongs into the last section';
			end if;
			last := '';
			digits := 0;
			below := 0;
			shift := 0;
			is_date := false;
			is_elapsed := false;
			is_text := false;
			is_general := false;
			has_point := false;
			has_exponent := false;
			has_thousands := false;
			has_bar := false;
			has_divisor := false;
		when piece = '"' then
			return 'its quote is never closed';
		when piece = '[' then
			return 'its bracket is never closed';
		when piece ~ '^\[\$' then
			if piece !~ '^\[\$[^]-]*(-[0-9a-f]{1,8})?\]$' then
				return '[$…-407] ends in a language''s number';
			elsif piece ~ '^\[\$[^]-]' then
				last := '';
			end if;
		when piece ~ '^\[(h+|m+|s+)\]$' then
			if digits > 0 then
				return mixed;
			elsif is_elapsed then
				return 'one unit of a section can be in brackets';
			end if;
			is_date := true;
			is_elapsed := true;
			last := substr(piece, 2, 1);
		when piece ~ '^\[' then
			if piece !~ '^\[(black|blue|cyan|green|magenta|red|white|yellow|'
					'color ?([1-9]|[1-4][0-9]|5[0-6])|'
					'(<=|<>|>=|<|=|>)[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?)\]$' then
				return 'brackets hold a colour, a condition such as >=100, a currency such as '
					'$€-407, or h, m or s';
			end if;
		when piece ~ '^[\\_*]' and s = '' then
			return 'a character must follow'; -- the ; is ours
		when piece ~ '^\*' then
			null; -- a filler
		when piece in ('am/pm', 'a/p') or piece ~ '^[ymdhse]+$'
			and substr(code, length(code) + 2 - length(s) - length(piece), 1) <> 'E' then
			if digits > 0 then
				return mixed;
			end if;
			is_date := true;
			last := left(piece, 1);
		when piece = 'general' then
			is_general := true;
			last := '';
		when piece ~ '^e[-+]' then
			if length(piece) = 2 or has_exponent or is_date or has_bar or digits = 0 then
				return 'E+00 comes once, after the digits';
			end if;
			has_exponent := true;
			last := '';
		when piece ~ '^[a-z]' then
			return 'a code has d m y h s for dates and times whatever the reader''s language, '
				'and other words in quotes';
		when piece in ('0', '#', '?') then
			if is_date then
				return mixed;
			elsif has_exponent then
				return 'E+00 ends the number';
			elsif has_divisor then
				return fraction;
			elsif not has_bar and has_point and piece = '0' and last = '#' then
				return english;
			end if;
			below := below + has_bar::int;
			digits := digits + 1;
			last := piece;
		when piece ~ '^,' and not is_date then
			if has_bar or has_exponent or digits = 0 then
				return 'a comma comes after a digit';
			elsif s !~ '^[0#?]' then
				shift := shift - 3 * length(piece);
			elsif has_point or s ~ '^0{0,2}(?![0#?,])' then
				return english;
			else
				has_thousands := true;
			end if;
		when piece ~ '^\.0' then
			if length(piece) > 4 then
				return 'Excel shows three digits of a second';
			end if;
			last := '';
		when piece = '.' and not is_date then
			if has_point or has_exponent or has_bar then
				return english;
			end if;
			has_point := true;
			last := '';
		when piece ~ '^/[1-9]' or piece = '/' and s ~ '^[0#?]' then
			if not is_date and last in ('0', '#', '?') then
				if has_bar or has_exponent or has_point or has_thousands or shift <> 0 then
					return fraction;
				elsif length(piece) > 6 then
					return 'a fraction is of five digits at most';
				end if;
				has_bar := true;
				has_divisor := piece <> '/';
			elsif piece <> '/' then
				return 'put literal text in quotes';
			end if;
			last := '';
		when piece = '@' then
			is_text := true;
			last := '';
		else
			if piece ~ '^[\x01-\x7f]$' and strpos(' $-+():!^&''~{}<>=%,./', piece) = 0 then
				return 'put literal text in quotes';
			end if;
			shift := shift + 2 * (piece = '%')::int;
			last := '';
		end case;
	end loop;
	return null;
end $$;
