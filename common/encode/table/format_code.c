/* SPDX-License-Identifier: MIT */
#include "encode/table/format_code.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define SECOND_DIGITS 3 /* digits of a second's fraction; Excel has no more */
#define DIVISOR_DIGITS 5
/* [MS-LCID]: the low ten bits are the primary language, so English is 0409,
 * 0809, ... Values from F000 on stand for the reader's own dates; the bits
 * above the 16th choose the digits of a script. */
#define PRIMARY 0x3FF
#define ENGLISH 9
#define LANGUAGE_DIGITS 8
#define SYSTEM 0xF000

static const char letters[] =
    "a code has d m y h s for dates and times whatever the reader's language, "
    "and other words in quotes";
static const char english[] =
    "a code has a point for decimals and a comma for thousands whatever the "
    "reader's language: #,##0.00; Excel shows those of its reader";
static const char fraction[] = "a fraction is written as # ?/? or # ?/8";
static const char mixed[] =
    "digits and letters of dates do not go together in one section";

/* A read_ function returns the place after its text; NULL with r->why. */
struct reader {
	struct format *f;
	struct format_section *p;
	const char *why;
};

static const char *no(struct reader *r, const char *why)
{
	r->why = why;
	return NULL;
}

static const char *add_token(
    struct reader *r, struct format_token token, const char *next)
{
	r->p->tokens[r->p->count++] = token;
	return next;
}

static const char *add_literal(
    struct reader *r, const char *text, int len, const char *next)
{
	return add_token(
	    r, (struct format_token){FORMAT_LITERAL, text, len, 0}, next);
}

static bool has_token(
    const struct format_section *p, enum format_token_type type)
{
	for (int i = 0; i < p->count; i++) {
		if (p->tokens[i].type == type)
			return true;
	}
	return false;
}

static int char_len(const char *s)
{
	int n = 1;

	while (((unsigned char)s[n] & 0xC0) == 0x80)
		n++;
	return n;
}

/* ---- brackets ---- */

/* Reads [h], [mm] or [ss]: hours, minutes or seconds in all. */
static const char *read_elapsed(struct reader *r, const char *s)
{
	char letter = (char)tolower((unsigned char)s[1]);
	int n = 0;

	if (letter == '\0' || strchr("hms", letter) == NULL)
		return NULL;
	while (tolower((unsigned char)s[1 + n]) == letter)
		n++;
	if (s[1 + n] != ']')
		return NULL;
	if (r->p->whole + r->p->fraction > 0)
		return no(r, mixed);
	if (has_token(r->p, FORMAT_ELAPSED))
		return no(r, "one unit of a section can be in brackets");
	r->p->date = r->p->elapsed = true;
	return add_token(r,
	    (struct format_token){FORMAT_ELAPSED, s + 1, n, letter}, s + n + 2);
}

/* Says whether the text from s to end is a colour: Red, or Color 1 to Color
 * 56. */
static bool is_colour(const char *s, const char *end)
{
	static const char *const colours[] = {"black", "blue", "cyan", "green",
	    "magenta", "red", "white", "yellow"};
	size_t len = (size_t)(end - s);
	char *after;

	for (size_t i = 0; i < sizeof(colours) / sizeof(*colours); i++) {
		if (len == strlen(colours[i]) &&
		    strncasecmp(s, colours[i], len) == 0)
			return true;
	}
	if (strncasecmp(s, "color", 5) != 0)
		return false;
	s += 5 + (s[5] == ' ');
	return *s >= '1' && *s <= '9' && strtol(s, &after, 10) <= 56 &&
	       after == end;
}

/* Reads [$€-407]: a currency and a language, each of which may be missing. */
static const char *read_currency(
    struct reader *r, const char *s, const char *end)
{
	int len = (int)strcspn(s + 2, "-]");
	const char *code = s + 2 + len;

	if (*code == '-') {
		size_t hex = strspn(code + 1, "0123456789abcdefABCDEF");
		unsigned long n = strtoul(code + 1, NULL, 16);

		if (code + 1 + hex != end || hex < 1 || hex > LANGUAGE_DIGITS)
			return no(r, "[$…-407] ends in a language's number");
		if (n >= SYSTEM)
			r->p->language = FORMAT_OF_READER;
		else if ((n & PRIMARY) != ENGLISH)
			r->p->language = FORMAT_OTHER;
	}
	return len > 0 ? add_literal(r, s + 2, len, end + 1) : end + 1;
}

static const char *read_bracket(struct reader *r, const char *s)
{
	const char *end = strchr(s, ']'), *next;

	if (end == NULL)
		return no(r, "its bracket is never closed");
	if (s[1] == '$')
		return read_currency(r, s, end);
	if (is_colour(s + 1, end) || format_read_condition(r->p, s + 1))
		return end + 1;
	next = read_elapsed(r, s);
	return next || r->why
		   ? next
		   : no(r, "brackets hold a colour, a condition such as >=100, "
			   "a currency such as $€-407, or h, m or s");
}

/* ---- numbers ---- */

/* Reads E+00, which may come once, after the digits of the number. */
static const char *read_exponent(struct reader *r, const char *s)
{
	struct format_section *p = r->p;
	int n = (int)strspn(s + 2, "0#?");

	if (n == 0 || p->exponent || p->date || p->bar ||
	    p->whole + p->fraction == 0)
		return no(r, "E+00 comes once, after the digits");
	p->exponent = true;
	return add_token(
	    r, (struct format_token){FORMAT_EXPONENT, s, n, s[1]}, s + 2 + n);
}

static const char *read_digit(struct reader *r, const char *s)
{
	struct format_section *p = r->p;
	bool after = has_token(p, FORMAT_POINT);

	if (p->date)
		return no(r, mixed);
	if (p->exponent)
		return no(r, "E+00 ends the number");
	if (p->bar && p->tokens[p->bar + 1].type == FORMAT_DIVISOR)
		return no(r, fraction);
	if (p->bar)
		p->below++;
	else if (after && *s == '0' && p->tokens[p->count - 1].letter == '#')
		/* #.##0 has a point as the thousands separator */
		return no(r, english);
	else if (after)
		p->fraction++;
	else
		p->whole++;
	return add_token(
	    r, (struct format_token){FORMAT_DIGIT, s, 1, *s}, s + 1);
}

/* Reads a comma: it groups by thousands, or after the digits divides by
 * 1000. */
static const char *read_comma(struct reader *r, const char *s)
{
	struct format_section *p = r->p;
	size_t n = strspn(s, ",");
	bool digits = s[n] != '\0' && strchr("0#?", s[n]) != NULL;

	if (p->bar || p->exponent || p->whole + p->fraction == 0)
		return no(r, "a comma comes after a digit");
	if (digits && has_token(p, FORMAT_POINT))
		return no(r, english);
	if (digits) {
		size_t zeros = strspn(s + n, "0");

		/* A group of thousands has three digits, unlike 0,00. */
		if (zeros < 3 && strspn(s + n, "0#?,") == zeros)
			return no(r, english);
		p->thousands = true;
	} else {
		p->shift -= 3 * (int)n;
	}
	return s + n;
}

static const char *read_point(struct reader *r, const char *s)
{
	struct format_section *p = r->p;
	const struct format_token *last =
	    p->count ? &p->tokens[p->count - 1] : NULL;
	int n = (int)strspn(s + 1, "0");

	if (p->date && n > 0 && last != NULL && last->letter == 's' &&
	    (last->type == FORMAT_DATE || last->type == FORMAT_ELAPSED)) {
		if (n > SECOND_DIGITS)
			return no(r, "Excel shows three digits of a second");
		return add_token(r,
		    (struct format_token){FORMAT_DATE, s, n, 'f'}, s + 1 + n);
	}
	if (p->date)
		return add_literal(r, s, 1, s + 1);
	if (has_token(p, FORMAT_POINT) || p->exponent || p->bar)
		return no(r, english);
	return add_token(
	    r, (struct format_token){FORMAT_POINT, s, 1, '.'}, s + 1);
}

/* Reads "/": the bar of a fraction after a digit, a literal elsewhere. */
static const char *read_bar(struct reader *r, const char *s)
{
	struct format_section *p = r->p;
	int first = p->count, n = (int)strspn(s + 1, "0123456789");

	while (first > 0 && p->tokens[first - 1].type == FORMAT_DIGIT)
		first--;
	if (p->date || first == p->count || s[1] == '\0' ||
	    strchr("0#?123456789", s[1]) == NULL)
		return add_literal(r, s, 1, s + 1);
	if (p->bar || p->exponent || has_token(p, FORMAT_POINT) ||
	    p->thousands || p->shift)
		return no(r, fraction);
	p->bar = p->count;
	p->above = p->count - first;
	p->integer = p->whole - p->above;
	add_token(r, (struct format_token){FORMAT_BAR, s, 1, '/'}, s);
	if (s[1] == '0' || n == 0)
		return s + 1;
	if (n > DIVISOR_DIGITS)
		return no(r, "a fraction is of five digits at most");
	return add_token(
	    r, (struct format_token){FORMAT_DIVISOR, s + 1, n, 0}, s + 1 + n);
}

/* ---- sections ---- */

static const char *read_date(struct reader *r, const char *s)
{
	char letter = (char)tolower((unsigned char)*s);
	int n = 1;

	if (r->p->whole + r->p->fraction > 0)
		return no(r, mixed);
	while (tolower((unsigned char)s[n]) == letter)
		n++;
	r->p->date = true;
	/* "e", the year of the era, is the year in English. */
	return add_token(r,
	    letter == 'e' ? (struct format_token){FORMAT_DATE, s, 4, 'y'}
			  : (struct format_token){FORMAT_DATE, s, n, letter},
	    s + n);
}

static const char *read_quoted(struct reader *r, const char *s)
{
	const char *end = strchr(s + 1, '"');

	if (end == NULL)
		return no(r, "its quote is never closed");
	return add_literal(r, s + 1, (int)(end - s - 1), end + 1);
}

/* Reads a pair: \x is the literal x, _x a space as wide as x, *x a filler. */
static const char *read_pair(struct reader *r, const char *s)
{
	const char *next;

	if (s[1] == '\0')
		return no(r, "a character must follow");
	next = s + 1 + char_len(s + 1);
	if (*s == '*')
		return next;
	return *s == '_' ? add_literal(r, " ", 1, next)
			 : add_literal(r, s + 1, (int)(next - s - 1), next);
}

static const char *read_word(struct reader *r, const char *s)
{
	struct format_section *p = r->p;
	int n = strncasecmp(s, "am/pm", 5) == 0 ? 5
		: strncasecmp(s, "a/p", 3) == 0 ? 3
						: 0;

	if (n > 0 && p->whole + p->fraction > 0)
		return no(r, mixed);
	if (n > 0) {
		p->date = p->half_day = true;
		return add_token(
		    r, (struct format_token){FORMAT_AMPM, s, n, *s}, s + n);
	}
	if (strncasecmp(s, "general", 7) == 0) {
		p->general = true;
		return add_token(
		    r, (struct format_token){FORMAT_GENERAL, s, 7, 0}, s + 7);
	}
	if ((*s == 'E' || *s == 'e') && (s[1] == '+' || s[1] == '-'))
		return read_exponent(r, s);
	if (strchr("ymdhseYMDHS", *s) != NULL)
		return read_date(r, s);
	return no(r, letters);
}

/* Reads one piece of a section. */
static const char *read_piece(struct reader *r, const char *s)
{
	int n = char_len(s);

	if (isalpha((unsigned char)*s))
		return read_word(r, s);
	switch (*s) {
	case '"':
		return read_quoted(r, s);
	case '[':
		return read_bracket(r, s);
	case '\\':
	case '_':
	case '*':
		return read_pair(r, s);
	case '0':
	case '#':
	case '?':
		return read_digit(r, s);
	case '.':
		return read_point(r, s);
	case ',':
		return r->p->date ? add_literal(r, s, 1, s + 1)
				  : read_comma(r, s);
	case '/':
		return read_bar(r, s);
	case '@':
		r->p->text = true;
		return add_token(
		    r, (struct format_token){FORMAT_TEXT, s, 1, 0}, s + 1);
	case '%':
		r->p->shift += 2;
		break;
	default:
		if ((unsigned char)*s < 0x80 &&
		    strchr(" $-+():!^&'~{}<>=", *s) == NULL)
			return no(r, "put literal text in quotes");
	}
	return add_literal(r, s, n, s + n);
}

/* Turns the months "m" after hours or before seconds into minutes. */
static void find_minutes(struct format_section *p)
{
	char before = '\0';
	struct format_token *month = NULL;

	for (int i = 0; i < p->count; i++) {
		struct format_token *t = &p->tokens[i];

		if (t->type != FORMAT_DATE && t->type != FORMAT_ELAPSED)
			continue;
		if (t->letter == 's' && month != NULL)
			month->letter = 'M';
		month = NULL;
		if (t->type == FORMAT_DATE && t->letter == 'm' && t->len <= 2) {
			if (before == 'h')
				t->letter = 'M';
			else
				month = t;
		}
		before = t->letter;
	}
}

/* Checks the rules that need the whole section. Returns false with r->why. */
static bool end_section(struct reader *r)
{
	struct format_section *p = r->p;

	if (p->bar && p->below == 0 &&
	    p->tokens[p->bar + 1].type != FORMAT_DIVISOR)
		r->why = fraction;
	else if (p->below > DIVISOR_DIGITS)
		r->why = "a fraction is of five digits at most";
	else if (p->text && (p->date || p->whole + p->fraction > 0))
		r->why = "@ stands for a text, in a section of its own";
	else if (p->general && (p->date || p->whole + p->fraction > 0))
		r->why = "General stands alone";
	find_minutes(p);
	return r->why == NULL;
}

/* Ends the section before the semicolon s and begins the next one. */
static const char *begin_section(struct reader *r, int *sections, const char *s)
{
	struct format_token *tokens = r->p->tokens + r->p->count;

	if (!end_section(r))
		return NULL;
	if (*sections == FORMAT_SECTIONS)
		return no(r, "it has four sections at most");
	if (r->p->text)
		return no(r, "@ belongs into the last section");
	r->p = &r->f->sections[(*sections)++];
	r->p->tokens = tokens;
	return s + 1;
}

static int refuse(
    const struct format *f, const char *at, const char *why, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "format \"%s\" cannot be read at \"%s\": %s", f->code, at, why);
}

/* Counts the sections for numbers. The last section is for texts when it is the
 * fourth or has an @. */
static void count_sections(struct format *f, int sections)
{
	f->text = sections == FORMAT_SECTIONS || f->sections[sections - 1].text;
	f->count = sections - f->text;
	if (f->count == 0) { /* a lone "@" shows numbers too */
		f->sections[1] = f->sections[0];
		f->count = 1;
	}
}

int format_code_read(struct format *f, struct err *e)
{
	struct reader r = {f, f->sections, NULL};
	const char *s = f->code, *begin = s;
	int sections = 1;

	if (strlen(s) > FORMAT_CODE_MAX)
		return err_set(e, ERR_PERMANENT,
		    "a format has %d bytes at most, not %zu", FORMAT_CODE_MAX,
		    strlen(s));
	/* One token more than the code has characters: a bar at the end of the
	 * code is followed by a look at the token after it. */
	f->tokens = mem_zalloc((strlen(s) + 1) * sizeof(*f->tokens));
	r.p->tokens = f->tokens;
	while (*s != '\0') {
		const char *next = *s == ';' ? begin_section(&r, &sections, s)
					     : read_piece(&r, s);

		if (next == NULL)
			return refuse(f, *s == ';' ? begin : s, r.why, e);
		if (*s == ';')
			begin = next;
		s = next;
	}
	if (!end_section(&r))
		return refuse(f, begin, r.why, e);
	count_sections(f, sections);
	return 0;
}
