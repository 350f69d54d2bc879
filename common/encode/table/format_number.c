/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/table/format_code.h"

/* largest decimal exponent read; a double has 324 */
#define EXPONENT_MAX 400
/* digits read; a numeric has at most 147455 */
#define NUMBER_MAX ((size_t)256 << 10)
/* characters that General shows at most */
#define GENERAL_WIDTH 11
#define GENERAL_DIGITS 10 /* digits that fit beside a point */
#define GENERAL_SCIENCE 6 /* digits beside a two-digit exponent */

/* A decimal number: its digits and the place of the point among them. */
struct number {
	bool negative;
	struct buf digits; /* without leading zeros */
	long point;        /* digits before it; may be negative */
	long exponent;     /* power of ten shown after E */
	double value;
};

static bool read_number(struct number *n, const struct value *v)
{
	const char *s = v->data, *end = s + v->len;
	bool after = false, any = false;

	buf_init(&n->digits, NUMBER_MAX);
	n->point = n->exponent = 0;
	n->negative = s < end && *s == '-';
	s += n->negative;
	for (; s < end && (isdigit((unsigned char)*s) || *s == '.'); s++) {
		if (*s == '.') {
			after = true;
			continue;
		}
		any = true;
		if (n->digits.len > 0 || *s != '0') {
			buf_char(&n->digits, *s);
			n->point += !after;
		} else if (after) {
			n->point--;
		}
	}
	if (any && s < end && *s == 'e') {
		long exponent = strtol(s + 1, NULL, 10);

		if (labs(exponent) > EXPONENT_MAX)
			return false;
		n->point += exponent;
		s = end; /* a number's text ends with its exponent */
	}
	if (n->digits.len == 0)
		n->point = 0;
	return any && s == end && !n->digits.overflow;
}

static double absolute(const struct number *n)
{
	char text[64];

	if (n->digits.len == 0)
		return 0;
	snprintf(text, sizeof(text), "0.%.30se%ld", n->digits.data, n->point);
	/* A number too small for a double must not count as zero. */
	return fmax(strtod(text, NULL), DBL_TRUE_MIN);
}

/* Rounds to `fraction` digits after the point, half away from zero. */
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
	/* A zero has no digits: optional placeholders stay empty. */
	if (!up && d->len == 0)
		n->point = 0;
	if (!up)
		return;
	buf_char(d, '0');
	memmove(d->data + 1, d->data, d->len - 1);
	d->data[0] = '1';
	n->point++;
}

/* Moves the point so that the digits before it fill the code's placeholders.
 * With several placeholders the exponent is a multiple of their number:
 * ##0.0E+0 shows 12.3E+3. */
static void take_exponent(struct number *n, const struct format_section *p)
{
	long step = p->whole > 1 ? p->whole : 1, e;

	if (n->digits.len == 0)
		return;
	e = n->point - (p->whole > 0);
	e -= (e % step + step) % step;
	n->point -= e;
	n->exponent = e;
	round_number(n, p->fraction);
	/* Rounding has turned 9.99 into 10.0. */
	if (n->point > p->whole && n->point > (p->whole > 0 ? step : 0)) {
		n->point -= step;
		n->exponent += step;
	}
}

/* ---- placeholders ---- */

static void add_exponent(
    const struct format_token *t, const struct number *n, struct buf *out)
{
	buf_char(out, *t->text);
	if (n->exponent < 0 || t->letter == '+')
		buf_char(out, n->exponent < 0 ? '-' : '+');
	buf_printf(out, "%0*ld", t->len, labs(n->exponent));
}

/* Returns the digit at a place: 0 is the digit before the point, -1 the digit
 * after it. Returns NUL outside of the digits. */
static char digit_at(const struct number *n, long place)
{
	long i = n->point - 1 - place;

	return i >= 0 && i < (long)n->digits.len ? n->digits.data[i] : '\0';
}

static void add_digit(const struct format_section *p, const struct number *n,
    long place, struct buf *out)
{
	char c = digit_at(n, place);

	buf_char(out, c ? c : '0');
	if (p->thousands && place > 0 && place % 3 == 0)
		buf_char(out, ',');
}

/* Writes one of `count` placeholders before the point. The first one also
 * writes all digits that have no placeholder of their own. */
static void add_whole(const struct format_section *p, const struct number *n,
    int count, int index, char letter, bool *started, struct buf *out)
{
	long place = count - 1 - index;

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

	/* A trailing zero is shown by 0, not by #. */
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

/* ---- General ---- */

/* Appends the digits of the mantissa without trailing zeros. */
static void add_mantissa(const struct number *n, struct buf *out)
{
	size_t len = n->digits.len;

	while (
	    len > 0 && n->digits.data[len - 1] == '0' && (long)len > n->point)
		len--;
	for (long i = n->point < 1 ? n->point - 1 : 0;
	     i < (long)len || i < n->point; i++) {
		if (i == n->point && i < (long)len)
			buf_char(out, '.');
		buf_char(
		    out, i < 0 || i >= (long)len ? '0' : n->digits.data[i]);
	}
}

/* Appends a number as Excel's General does: up to 11 characters, not counting
 * the sign. */
static void add_general(struct number *n, struct buf *out)
{
	/* power of ten of the first digit: 0 for 1 to 9.99 */
	long magnitude = n->point - 1;
	long digits = magnitude < 0 ? GENERAL_DIGITS + magnitude
		      : magnitude < GENERAL_WIDTH - 1 ? GENERAL_DIGITS
						      : magnitude + 1;

	if (n->digits.len == 0) {
		buf_char(out, '0');
		return;
	}
	if (magnitude >= -4 && magnitude < GENERAL_WIDTH) {
		round_number(n, digits - n->point);
		add_mantissa(n, out);
		return;
	}
	n->point = 1;
	round_number(n, GENERAL_SCIENCE - 1);
	magnitude += n->point - 1;
	n->point = 1;
	add_mantissa(n, out);
	buf_printf(out, "E%c%02ld", magnitude < 0 ? '-' : '+', labs(magnitude));
}

/* ---- fractions ---- */

/* Finds the fraction nearest to x with a denominator of at most `most`. */
static void nearest(double x, long most, long *above, long *below)
{
	double best = 2;

	for (long d = 1; d <= most && best > 1e-12; d++) {
		double error = fabs(x - round(x * (double)d) / (double)d);

		if (error < best - 1e-12) {
			best = error;
			*above = lround(x * (double)d);
			*below = d;
		}
	}
}

struct vulgar {
	double whole;
	long above, below;
};

static struct vulgar split(const struct format_section *p, double x)
{
	const struct format_token *fixed = &p->tokens[p->bar + 1];
	struct vulgar v = {p->integer > 0 ? floor(x) : 0, 0, 1};
	long most = 9;

	if (fixed->type == FORMAT_DIVISOR) {
		v.below = strtol(fixed->text, NULL, 10);
		v.above = lround((x - v.whole) * (double)v.below);
	} else {
		for (int i = 1; i < p->below; i++)
			most = most * 10 + 9;
		nearest(x - v.whole, most, &v.above, &v.below);
	}
	if (p->integer > 0 && v.above == v.below) {
		v.whole += 1;
		v.above = 0;
	}
	return v;
}

/* Appends a numerator, padded at its front, or a denominator, padded at its
 * end. */
static void add_part(const struct format_token *t, int count, long n,
    bool in_front, struct buf *out)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%ld", n);

	for (int i = len; in_front && i < count; i++) {
		if (t[i - len].letter != '#')
			buf_char(out, t[i - len].letter == '0' ? '0' : ' ');
	}
	buf_str(out, digits);
	for (int i = len; !in_front && i < count; i++) {
		if (t[i].letter == '?')
			buf_char(out, ' ');
	}
}

static bool shows_zero(const struct format_token *t, int count)
{
	for (int i = 0; i < count; i++) {
		if (t[i].letter == '0')
			return true;
	}
	return false;
}

/* Appends numerator, bar and denominator, or blanks when a whole number is
 * shown and its fraction is zero. */
static void add_quotient(
    const struct format_section *p, long above, long below, struct buf *out)
{
	const struct format_token *first = &p->tokens[p->bar - p->above];
	const struct format_token *after = &p->tokens[p->bar + 1];
	bool fixed = after->type == FORMAT_DIVISOR;

	if (p->integer > 0 && above == 0 && !shows_zero(first, p->above)) {
		int blanks = p->above + 1 + (fixed ? after->len : p->below);

		buf_printf(out, "%*s", blanks, "");
		return;
	}
	add_part(first, p->above, above, true, out);
	buf_char(out, '/');
	add_part(after, fixed ? 0 : p->below, below, false, out);
}

static void add_vulgar(
    const struct format_section *p, const struct number *n, struct buf *out)
{
	struct format_section plain = {.count = 0};
	struct vulgar v = split(p, n->value);
	char text[400];
	struct number w;
	bool started = false;
	int index = 0, end = p->bar + 1 + (p->below > 0 ? p->below : 1);

	snprintf(text, sizeof(text), "%.0f", v.whole);
	read_number(&w, &(struct value){text, (int32_t)strlen(text)});
	for (int i = 0; i < p->count; i++) {
		const struct format_token *t = &p->tokens[i];

		if (i == p->bar - p->above) {
			add_quotient(p, v.above, v.below, out);
			i = end - 1;
		} else if (t->type == FORMAT_LITERAL) {
			buf_add(out, t->text, (size_t)t->len);
		} else if (t->type == FORMAT_DIGIT) {
			/* Without a fraction, the last whole placeholder must
			 * show the zero of 0. */
			bool last = index == p->integer - 1 && v.above == 0;

			add_whole(&plain, &w, p->integer, index++,
			    last ? '0' : t->letter, &started, out);
		}
	}
	buf_free(&w.digits);
}

/* ---- sections ---- */

static void add_number(
    const struct format_section *p, struct number *n, struct buf *out)
{
	int whole = 0, fraction = 0;
	bool started = false, after = false;

	for (int i = 0; i < p->count; i++) {
		const struct format_token *t = &p->tokens[i];

		if (t->type == FORMAT_LITERAL) {
			buf_add(out, t->text, (size_t)t->len);
		} else if (t->type == FORMAT_POINT) {
			/* ".00" has no placeholder for the digits before the
			 * point. */
			for (long k = n->point - 1; p->whole == 0 && k >= 0;
			     k--)
				add_digit(p, n, k, out);
			buf_char(out, '.');
			after = true;
		} else if (t->type == FORMAT_DIGIT && after) {
			add_fraction(n, fraction++, t->letter, out);
		} else if (t->type == FORMAT_DIGIT) {
			add_whole(
			    p, n, p->whole, whole++, t->letter, &started, out);
		} else if (t->type == FORMAT_EXPONENT) {
			add_exponent(t, n, out);
		} else if (t->type == FORMAT_GENERAL ||
			   t->type == FORMAT_TEXT) {
			add_general(n, out);
		}
	}
}

/* Returns whether the section shows digits and all of them are zeros. Excel
 * ignores a fraction here: -0.01 is -0 under # ?/?. */
static bool is_zero(const struct format_section *p, const struct number *n)
{
	if (p->bar || p->whole + p->fraction == 0)
		return false;
	for (size_t i = 0; i < n->digits.len; i++) {
		if (n->digits.data[i] != '0')
			return false;
	}
	return true;
}

bool format_number(
    const struct format *f, const struct value *v, struct buf *out)
{
	const struct format_section *p;
	struct number n;
	bool sign, known = read_number(&n, v);

	if (!known)
		goto out;
	n.value = absolute(&n);
	p = format_choose(f, n.negative ? -n.value : n.value, &sign);
	known = !p->date;
	if (!known)
		goto out;
	if (n.digits.len > 0 && !p->general)
		n.point += p->shift;
	if (p->exponent)
		take_exponent(&n, p);
	else if (!p->general && !p->bar && !p->text)
		round_number(&n, p->fraction);
	/* A number that is shown as zero has no sign: -0.00 is 0.00. */
	if (sign && !is_zero(p, &n))
		buf_char(out, '-');
	if (p->bar)
		add_vulgar(p, &n, out);
	else
		add_number(p, &n, out);
out:
	buf_free(&n.digits);
	return known;
}
