/* SPDX-License-Identifier: MIT */
#include "encode/format.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define TOKENS 64
#define SECTIONS 4       /* the fourth is of text, which is shown as it is */
#define EXPONENT_MAX 400 /* of a double: 324 */
#define YEAR_MAX 10000000
#define INTERVAL_MAX 3000000000        /* days and hours; PostgreSQL has less */
#define NUMBER_MAX ((size_t)256 << 10) /* digits; a numeric has 147455 */

enum token_type {
	LITERAL, /* text..text+len of the code */
	DIGIT,   /* 0 # ? in text[0] */
	POINT,
	EXPONENT, /* + or -: whether a positive one has its sign; len digits */
	DATE, /* y m d h s, M for minutes, f for a second's fraction: text[0] */
	ELAPSED, /* h m s: all of them, not those of the day */
	AMPM,
};

struct token {
	enum token_type type;
	const char *text;
	int len; /* of a literal; of others how many letters or digits */
	char letter;
};

struct part {
	struct token tokens[TOKENS];
	int count;
	int whole, fraction; /* placeholders before and behind the point */
	int shift;           /* digits: percent signs, commas at the end */
	bool thousands, date, general, half_day, exponent, elapsed;
};

struct format {
	char *code;
	struct part parts[SECTIONS];
	int count;
};

static int refuse(const struct format *f, const char *at, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "format \"%s\" cannot be read at \"%s\"; see the manual for what "
	    "it may hold",
	    f->code, at);
}

static struct token *add_token(struct part *p, enum token_type type,
    const char *text, int len, char letter)
{
	struct token *t;

	if (p->count == TOKENS)
		return NULL;
	t = &p->tokens[p->count++];
	*t = (struct token){type, text, len, letter};
	return t;
}

/* [h], [mm], [ss]: hours, minutes or seconds in all. */
static const char *read_elapsed(struct part *p, const char *s)
{
	char letter = (char)tolower((unsigned char)s[1]);
	int n = 0;

	if (strchr("hms", letter) == NULL)
		return NULL;
	while (tolower((unsigned char)s[1 + n]) == letter)
		n++;
	if (s[1 + n] != ']')
		return NULL;
	p->date = p->elapsed = true;
	return add_token(p, ELAPSED, s + 1, n, letter) ? s + n + 2 : NULL;
}

/* [Red] and the like mean nothing here, [$€-407] is its currency. */
static const char *read_bracket(struct part *p, const char *s)
{
	static const char *const colours[] = {"black", "blue", "cyan", "green",
	    "magenta", "red", "white", "yellow"};
	const char *end = strchr(s, ']');
	size_t len;

	if (end == NULL)
		return NULL;
	if (s[1] == '$') {
		len = strcspn(s + 2, "-]");
		return add_token(p, LITERAL, s + 2, (int)len, 0) ? end + 1
								 : NULL;
	}
	for (size_t i = 0; i < sizeof(colours) / sizeof(*colours); i++) {
		len = strlen(colours[i]);
		if ((size_t)(end - s) == len + 1 &&
		    strncasecmp(s + 1, colours[i], len) == 0)
			return end + 1;
	}
	return s[1] != '\0' ? read_elapsed(p, s) : NULL;
}

/* E+00: behind the digits of the number, once. */
static const char *read_exponent(struct part *p, const char *s)
{
	int n = (int)strspn(s + 2, "0#?");

	if (n == 0 || p->exponent || p->date || p->whole + p->fraction == 0)
		return NULL;
	p->exponent = true;
	return add_token(p, EXPONENT, s, n, s[1]) ? s + 2 + n : NULL;
}

static const char *read_digit(struct part *p, const char *s)
{
	bool behind = false;

	for (int i = 0; i < p->count; i++)
		behind |= p->tokens[i].type == POINT;
	if (behind)
		p->fraction++;
	else
		p->whole++;
	return add_token(p, DIGIT, s, 1, *s) ? s + 1 : NULL;
}

/* Between digits: group by thousands. Behind the last: divide by a thousand. */
static const char *read_comma(struct part *p, const char *s)
{
	size_t n = strspn(s, ",");

	if (p->whole > 0 && strchr("0#?", s[n]) != NULL && s[n] != '\0')
		p->thousands = true;
	else if (p->whole > 0)
		p->shift -= 3 * (int)n;
	else
		return NULL;
	return s + n;
}

static const char *read_date(struct part *p, const char *s)
{
	char letter = (char)tolower((unsigned char)*s);
	int n = 1;

	while (tolower((unsigned char)s[n]) == letter)
		n++;
	p->date = true;
	return add_token(p, DATE, s, n, letter) ? s + n : NULL;
}

/* The fraction of a second: zeros behind ".", or NULL. */
static const char *read_fraction(struct part *p, const char *s)
{
	int n = (int)strspn(s + 1, "0");
	const struct token *last = p->count ? &p->tokens[p->count - 1] : NULL;

	if (n == 0 || n > 6 || last == NULL || last->letter != 's' ||
	    (last->type != DATE && last->type != ELAPSED))
		return NULL;
	return add_token(p, DATE, s, n, 'f') ? s + 1 + n : NULL;
}

static const char *read_point(struct part *p, const char *s)
{
	if (p->date)
		return read_fraction(p, s) ? s + 1 + strspn(s + 1, "0")
		       : add_token(p, LITERAL, s, 1, 0) ? s + 1
							: NULL;
	for (int i = 0; i < p->count; i++) {
		if (p->tokens[i].type == POINT)
			return NULL;
	}
	return add_token(p, POINT, s, 1, '.') ? s + 1 : NULL;
}

static const char *read_quoted(struct part *p, const char *s)
{
	const char *end = strchr(s + 1, '"');

	if (end == NULL ||
	    add_token(p, LITERAL, s + 1, (int)(end - s - 1), 0) == NULL)
		return NULL;
	return end + 1;
}

static int char_len(const char *s)
{
	int n = 1;

	while (((unsigned char)s[n] & 0xC0) == 0x80)
		n++;
	return n;
}

/* One piece of a section; the place behind it, NULL when it makes no sense. */
static const char *read_piece(struct part *p, const char *s)
{
	int n = char_len(s);

	if (*s == '"')
		return read_quoted(p, s);
	if (*s == '[')
		return read_bracket(p, s);
	if (*s == '\\' && s[1] != '\0') {
		n = char_len(s + 1);
		return add_token(p, LITERAL, s + 1, n, 0) ? s + 1 + n : NULL;
	}
	if (*s == '_' && s[1] != '\0') /* as wide as the next character */
		return add_token(p, LITERAL, " ", 1, 0)
			   ? s + 1 + char_len(s + 1)
			   : NULL;
	if (strncasecmp(s, "general", 7) == 0 || *s == '@') {
		p->general = true;
		return s + (*s == '@' ? 1 : 7);
	}
	if (strncasecmp(s, "am/pm", 5) == 0) {
		p->date = p->half_day = true;
		return add_token(p, AMPM, s, 5, 0) ? s + 5 : NULL;
	}
	if (strchr("ymdhsYMDHS", *s) != NULL)
		return read_date(p, s);
	if ((*s == 'E' || *s == 'e') && (s[1] == '+' || s[1] == '-'))
		return read_exponent(p, s);
	if (strchr("0#?", *s) != NULL)
		return p->date || p->exponent ? NULL : read_digit(p, s);
	if (*s == '.')
		return read_point(p, s);
	if (*s == ',' && !p->date)
		return read_comma(p, s);
	if (*s == '%')
		p->shift += 2;
	else if (strchr(" $-+/():!^&'~{}<>=,", *s) == NULL &&
		 (unsigned char)*s < 0x80)
		return NULL;
	return add_token(p, LITERAL, s, n, 0) ? s + n : NULL;
}

/* m is minutes behind hours and before seconds. */
static void find_minutes(struct part *p)
{
	char before = '\0';
	struct token *month = NULL;

	for (int i = 0; i < p->count; i++) {
		struct token *t = &p->tokens[i];

		if (t->type != DATE && t->type != ELAPSED)
			continue;
		if (t->letter == 's' && month != NULL)
			month->letter = 'M';
		month = NULL;
		if (t->type == DATE && t->letter == 'm' && t->len <= 2) {
			if (before == 'h')
				t->letter = 'M';
			else
				month = t;
		}
		before = t->letter;
	}
}

struct format *format_open(const char *code, struct err *e)
{
	struct format *f = mem_zalloc(sizeof(*f));
	const char *s;

	f->code = mem_strdup(code);
	f->count = 1;
	s = f->code;
	while (*s != '\0') {
		struct part *p = &f->parts[f->count - 1];
		const char *next;

		if (*s == ';' && f->count < SECTIONS) {
			f->count++;
			s++;
			continue;
		}
		next = *s == ';' ? NULL : read_piece(p, s);
		if (next == NULL || (p->date && p->whole + p->fraction > 0)) {
			refuse(f, s, e);
			format_close(f);
			return NULL;
		}
		s = next;
	}
	for (int i = 0; i < f->count; i++)
		find_minutes(&f->parts[i]);
	return f;
}

void format_close(struct format *f)
{
	if (f == NULL)
		return;
	free(f->code);
	free(f);
}

/* Numbers: digits and where the point stands among them. */
struct number {
	bool negative;
	struct buf digits; /* no zeros at the head */
	long point;        /* digits before it; may be negative */
	long exponent;     /* of ten, apart from the digits */
};

static bool read_number(struct number *n, const struct value *v)
{
	const char *s = v->data, *end = s + v->len;
	bool behind = false, any = false;

	buf_init(&n->digits, NUMBER_MAX);
	n->point = n->exponent = 0;
	n->negative = s < end && *s == '-';
	s += n->negative;
	for (; s < end && (isdigit((unsigned char)*s) || *s == '.'); s++) {
		if (*s == '.') {
			behind = true;
			continue;
		}
		any = true;
		if (n->digits.len > 0 || *s != '0') {
			buf_char(&n->digits, *s);
			n->point += !behind;
		} else if (behind) {
			n->point--;
		}
	}
	if (any && s < end && *s == 'e') {
		long exponent = strtol(s + 1, NULL, 10);

		if (labs(exponent) > EXPONENT_MAX)
			return false;
		n->point += exponent;
		s = end; /* by construction */
	}
	return any && s == end && !n->digits.overflow;
}

/* To so many digits behind the point, half away from zero. */
static void round_number(struct number *n, long fraction)
{
	struct buf *d = &n->digits;
	long keep = n->point + fraction;
	bool up = keep >= 0 && keep < (long)d->len && d->data[keep] >= '5';

	if (keep >= (long)d->len)
		return;
	d->len = keep > 0 ? (size_t)keep : 0;
	for (size_t i = d->len; up && i > 0; i--) {
		up = d->data[i - 1] == '9';
		d->data[i - 1] = up ? '0' : (char)(d->data[i - 1] + 1);
	}
	if (!up)
		return;
	buf_char(d, '0');
	memmove(d->data + 1, d->data, d->len - 1);
	d->data[0] = '1';
	n->point++;
}

/* As many digits before the point as the code has room for; of several, the
 * exponent is a multiple of their number: ##0.0E+0 shows 12.3E+3. */
static void take_exponent(struct number *n, const struct part *p)
{
	long step = p->whole > 1 ? p->whole : 1, e;

	if (n->digits.len == 0)
		return;
	e = n->point - (p->whole > 0);
	e -= (e % step + step) % step;
	n->point -= e;
	n->exponent = e;
	round_number(n, p->fraction);
	/* 9.99 has become 10.0. */
	if (n->point > p->whole && n->point > (p->whole > 0 ? step : 0)) {
		n->point -= step;
		n->exponent += step;
	}
}

static void add_exponent(
    const struct token *t, const struct number *n, struct buf *out)
{
	buf_char(out, *t->text);
	if (n->exponent < 0 || t->letter == '+')
		buf_char(out, n->exponent < 0 ? '-' : '+');
	buf_printf(out, "%0*ld", t->len, labs(n->exponent));
}

/* The digit at a place: 0 is the one before the point, -1 the one behind it.
 * NUL outside of the digits. */
static char digit_at(const struct number *n, long place)
{
	long i = n->point - 1 - place;

	return i >= 0 && i < (long)n->digits.len ? n->digits.data[i] : '\0';
}

static void add_digit(
    const struct part *p, const struct number *n, long place, struct buf *out)
{
	char c = digit_at(n, place);

	buf_char(out, c ? c : '0');
	if (p->thousands && place > 0 && place % 3 == 0)
		buf_char(out, ',');
}

/* One placeholder before the point; the first takes all digits that have none
 * of their own. */
static void add_whole(const struct part *p, const struct number *n, int index,
    bool *started, char letter, struct buf *out)
{
	long place = p->whole - 1 - index;

	if (index == 0) {
		for (long i = n->point - 1; i > place; i--) {
			add_digit(p, n, i, out);
			*started = true;
		}
	}
	if (*started || letter == '0' || place < n->point) {
		add_digit(p, n, place, out);
		*started = true;
	} else if (letter == '?') {
		buf_char(out, ' ');
	}
}

static void add_fraction(
    const struct number *n, int index, char letter, struct buf *out)
{
	bool more = n->point + index < (long)n->digits.len;

	/* Zeros at the end are shown by 0, not by #. */
	for (long i = n->point + index; more && letter != '0'; i++) {
		if (i >= (long)n->digits.len)
			more = false;
		else if (i < 0 || n->digits.data[i] != '0')
			break;
	}
	if (letter == '0' || more) {
		char c = digit_at(n, -1 - index);

		buf_char(out, c ? c : '0');
	} else if (letter == '?') {
		buf_char(out, ' ');
	}
}

static void add_number(
    const struct part *p, const struct number *n, struct buf *out)
{
	int whole = 0, fraction = 0;
	bool started = false, behind = false;

	for (int i = 0; i < p->count; i++) {
		const struct token *t = &p->tokens[i];

		if (t->type == LITERAL) {
			buf_add(out, t->text, (size_t)t->len);
		} else if (t->type == POINT) {
			/* ".00" has no place for the digits before it. */
			for (long k = n->point - 1; p->whole == 0 && k >= 0;
			     k--)
				add_digit(p, n, k, out);
			buf_char(out, '.');
			behind = true;
		} else if (t->type == DIGIT && behind) {
			add_fraction(n, fraction++, t->letter, out);
		} else if (t->type == DIGIT) {
			add_whole(p, n, whole++, &started, t->letter, out);
		} else if (t->type == EXPONENT) {
			add_exponent(t, n, out);
		}
	}
}

static void add_as_is(const struct value *v, struct buf *out)
{
	buf_add(out, v->data, (size_t)v->len);
}

static void format_number(
    const struct format *f, const struct value *v, struct buf *out)
{
	const struct part *p = &f->parts[0];
	struct number n;
	bool sign;

	if (!read_number(&n, v)) {
		add_as_is(v, out);
		goto out;
	}
	sign = n.negative && n.digits.len > 0;
	if (sign && f->count > 1) {
		p = &f->parts[1];
		sign = false;
	} else if (n.digits.len == 0 && f->count > 2) {
		p = &f->parts[2];
	}
	if (p->date || p->general) {
		add_as_is(v, out);
		goto out;
	}
	n.point += p->shift;
	if (p->exponent)
		take_exponent(&n, p);
	else
		round_number(&n, p->fraction);
	if (sign)
		buf_char(out, '-');
	add_number(p, &n, out);
out:
	buf_free(&n.digits);
}

/* Dates and times. */
struct moment {
	long year;
	int month, day, minute, second;
	long hour; /* of an interval, all of them */
	char fraction[7];
	bool has_date, has_time, negative;
};

/* Two digits and what must stand in front of them. */
static bool two(const char **s, const char *end, char before, int *out)
{
	const char *at = *s;

	if (before != '\0') {
		if (at == end || *at != before)
			return false;
		at++;
	}
	if (end - at < 2 || !isdigit((unsigned char)at[0]) ||
	    !isdigit((unsigned char)at[1]))
		return false;
	*out = (at[0] - '0') * 10 + at[1] - '0';
	*s = at + 2;
	return true;
}

static bool read_minutes(struct moment *m, const char **s, const char *end)
{
	size_t digits = 0;

	if (!two(s, end, ':', &m->minute) || !two(s, end, ':', &m->second))
		return false;
	if (*s < end && **s == '.') {
		for (++*s; *s < end && isdigit((unsigned char)**s); ++*s) {
			if (digits < 6)
				m->fraction[digits++] = **s;
		}
	}
	return true;
}

/* False for infinity and for years before 1: shown as they are. */
static bool read_moment(
    struct moment *m, enum column_kind kind, const struct value *v)
{
	const char *s = v->data, *end = s + v->len;
	int hour;

	*m = (struct moment){
	    .has_date = kind != KIND_TIME && kind != KIND_TIMETZ,
	    .has_time = kind != KIND_DATE,
	    .fraction = "000000"};
	if (v->len > 3 && memcmp(end - 3, " BC", 3) == 0)
		return false;
	if (m->has_date) {
		while (
		    s < end && isdigit((unsigned char)*s) && m->year < YEAR_MAX)
			m->year = m->year * 10 + *s++ - '0';
		if (!two(&s, end, '-', &m->month) ||
		    !two(&s, end, '-', &m->day) || m->year < 1 ||
		    m->month < 1 || m->month > 12 || m->day < 1)
			return false;
	}
	if (!m->has_time)
		return s == end;
	if (!two(&s, end, m->has_date ? ' ' : '\0', &hour))
		return false;
	m->hour = hour;
	return read_minutes(m, &s, end); /* the offset may follow */
}

/* "3 days 04:05:06.7", also with signs; but not those of months and years,
 * which have no number of hours, nor days of one sign and hours of another. */
static bool read_interval(struct moment *m, const struct value *v)
{
	const char *s = v->data, *end = s + v->len;
	char *behind;
	long n = strtol(s, &behind, 10), days = 0;
	bool negative;

	*m = (struct moment){.has_time = true, .fraction = "000000"};
	if (behind + 4 <= end && memcmp(behind, " day", 4) == 0) {
		if (n > INTERVAL_MAX || n < -INTERVAL_MAX)
			return false;
		days = n;
		s = behind + 4 + (behind + 4 < end && behind[4] == 's');
		m->negative = days < 0;
		if (s == end) {
			m->hour = labs(days) * 24;
			return true;
		}
		s++;
	}
	negative = s < end && *s == '-';
	if (days != 0 && negative != m->negative)
		return false;
	m->negative = negative;
	s += s < end && (*s == '-' || *s == '+');
	if (s == end || !isdigit((unsigned char)*s))
		return false;
	n = strtol(s, &behind, 10);
	if (n > INTERVAL_MAX)
		return false;
	m->hour = labs(days) * 24 + n;
	s = behind;
	return read_minutes(m, &s, end) && s == end;
}

/* Sakamoto's: 0 is a Sunday. */
static int day_of_week(long y, int m, int d)
{
	static const int t[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};

	y -= m < 3;
	return (int)((y + y / 4 - y / 100 + y / 400 + t[m - 1] + d) % 7);
}

static void add_name(const char *name, int letters, struct buf *out)
{
	if (letters == 3)
		buf_add(out, name, 3);
	else if (letters == 5)
		buf_char(out, *name);
	else
		buf_str(out, name);
}

static void add_date(const struct token *t, const struct part *p,
    const struct moment *m, struct buf *out)
{
	static const char *const months[] = {"January", "February", "March",
	    "April", "May", "June", "July", "August", "September", "October",
	    "November", "December"};
	static const char *const days[] = {"Sunday", "Monday", "Tuesday",
	    "Wednesday", "Thursday", "Friday", "Saturday"};
	int n = 0;

	switch (t->letter) {
	case 'y':
		if (t->len <= 2)
			buf_printf(out, "%02ld", m->year % 100);
		else
			buf_printf(out, "%04ld", m->year);
		return;
	case 'f':
		buf_printf(out, ".%.*s", t->len, m->fraction);
		return;
	case 'm':
		if (t->len > 2) {
			add_name(months[m->month - 1], t->len, out);
			return;
		}
		n = m->month;
		break;
	case 'd':
		if (t->len > 2) {
			add_name(days[day_of_week(m->year, m->month, m->day)],
			    t->len, out);
			return;
		}
		n = m->day;
		break;
	case 'h':
		n = (int)(m->hour % 24 + (m->hour == 24) * 24);
		if (p->half_day)
			n = n % 12 ? n % 12 : 12;
		break;
	case 'M':
		n = m->minute;
		break;
	case 's':
		n = m->second;
		break;
	}
	buf_printf(out, "%0*d", t->len > 1 ? 2 : 1, n);
}

static void add_elapsed(
    const struct token *t, const struct moment *m, struct buf *out)
{
	long n = t->letter == 'h' ? m->hour
		 : t->letter == 'm'
		     ? m->hour * 60 + m->minute
		     : (m->hour * 60 + m->minute) * 60 + m->second;

	buf_printf(out, "%0*ld", t->len, n);
}

/* A time of day has no month, a date may be shown with hours: midnight. What has
 * elapsed since when, a date does not tell. */
static bool fits(const struct part *p, const struct moment *m)
{
	if (!p->date || (m->has_date && p->elapsed))
		return false;
	for (int i = 0; i < p->count; i++) {
		const struct token *t = &p->tokens[i];

		if (t->type == DATE && !m->has_date &&
		    strchr("ymd", t->letter) != NULL)
			return false;
	}
	return true;
}

static void format_moment(const struct format *f, enum column_kind kind,
    const struct value *v, struct buf *out)
{
	const struct part *p = &f->parts[0];
	struct moment m;

	if (!(kind == KIND_INTERVAL ? read_interval(&m, v)
				    : read_moment(&m, kind, v)) ||
	    !fits(p, &m)) {
		add_as_is(v, out);
		return;
	}
	if (m.negative)
		buf_char(out, '-');
	for (int i = 0; i < p->count; i++) {
		const struct token *t = &p->tokens[i];

		if (t->type == LITERAL)
			buf_add(out, t->text, (size_t)t->len);
		else if (t->type == AMPM)
			buf_str(out, m.hour % 24 < 12 ? "AM" : "PM");
		else if (t->type == DATE)
			add_date(t, p, &m, out);
		else if (t->type == ELAPSED)
			add_elapsed(t, &m, out);
	}
}

void format_add(const struct format *f, enum column_kind kind,
    const struct value *v, struct buf *out)
{
	switch (kind) {
	case KIND_INTEGER:
	case KIND_DECIMAL:
	case KIND_FLOAT:
		format_number(f, v, out);
		return;
	case KIND_DATE:
	case KIND_TIME:
	case KIND_TIMETZ:
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
	case KIND_INTERVAL:
		format_moment(f, kind, v, out);
		return;
	default:
		add_as_is(v, out);
	}
}
