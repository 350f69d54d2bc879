/* SPDX-License-Identifier: MIT */
#include "encode/xlsx_cell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/number.h"

#define DIGITS_MAX 15 /* significant ones of a number in Excel */
/* A byte becomes seven at most: _x0001_. */
#define ESCAPED 7

static void piece_set(
    struct xlsx_piece *p, const char *head, int style, const char *rest)
{
	int n = style ? snprintf(p->text, sizeof(p->text), "%s s=\"%d\"%s",
			    head, style, rest)
		      : snprintf(p->text, sizeof(p->text), "%s%s", head, rest);

	p->len = n;
}

const char *xlsx_letters(char *to, int index)
{
	char *p = to + 7;

	*p = '\0';
	for (index++; index > 0; index = (index - 1) / 26)
		*--p = (char)('A' + (index - 1) % 26);
	return p;
}

void xlsx_column_init(struct xlsx_column *c, int index, enum column_kind kind,
    int style, int fraction)
{
	char letters[8];

	*c = (struct xlsx_column){.kind = kind};
	c->place.len = snprintf(c->place.text, sizeof(c->place.text),
	    "<c r=\"%s", xlsx_letters(letters, index));
	piece_set(&c->number, "\"", style,
	    kind == KIND_BOOLEAN ? " t=\"b\"><v>" : "><v>");
	piece_set(&c->fraction, "\"", fraction, "><v>");
	piece_set(&c->string, "\"", style, " t=\"inlineStr\"><is><t>");
}

/* ---- short copies in whole words ---- */

/* Up to 48 bytes, and as many bytes to copy from and to. */
static inline char *put_piece(char *p, const struct xlsx_piece *piece)
{
	memcpy(p, piece->text, 32);
	if (piece->len > 32)
		memcpy(p + 32, piece->text + 32, 16);
	return p + piece->len;
}

#define PUT(p, literal) \
	(memcpy((p), (literal), sizeof(literal)), (p) + sizeof(literal) - 1)

static inline char *put_bytes(char *p, const char *s, size_t n)
{
	if (n > 16) {
		memcpy(p, s, n);
	} else if (n >= 8) {
		memcpy(p, s, 8);
		memcpy(p + n - 8, s + n - 8, 8);
	} else {
		for (size_t i = 0; i < n; i++)
			p[i] = s[i];
	}
	return p + n;
}

static inline char *put_unsigned(char *p, uint64_t n)
{
	char digits[20], *d = digits + sizeof(digits);

	do
		*--d = (char)('0' + n % 10);
	while (n /= 10);
	return put_bytes(p, d, (size_t)(digits + sizeof(digits) - d));
}

void xlsx_row_set(struct xlsx_row *row, uint32_t number)
{
	row->len = (int)(put_unsigned(row->digits, number) - row->digits);
}

/* ---- numbers ---- */

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* From the first that is not 0 to the last, zeros behind the point at the end
 * not counted. Of a plain number. */
static int significant_digits(const char *s, size_t len)
{
	const char *end = s + len;
	int n = 0;

	if (memchr(s, '.', len) != NULL) {
		while (end[-1] == '0')
			end--;
	}
	for (; s < end; s++) {
		if (is_digit(*s) && (n > 0 || *s != '0'))
			n++;
	}
	return n;
}

static inline int put_exact(char *to, const struct value *v)
{
	size_t len = (size_t)v->len;

	if (!number_is_plain(v))
		return 0;
	if (len > DIGITS_MAX &&
	    (len >= XLSX_NUMBER_MAX ||
		significant_digits(v->data, len) > DIGITS_MAX))
		return 0;
	put_bytes(to, v->data, len);
	return v->len;
}

/* Doubles below 2.2e-308 are denormal, which Excel takes for 0. */
static int put_float(char *to, const struct value *v)
{
	size_t len = (size_t)v->len;

	if (len >= XLSX_NUMBER_MAX || !number_is_plain(v))
		return 0;
	if (len > 5 && memcmp(v->data + len - 5, "e-3", 3) == 0 &&
	    v->data[len - 2] * 10 + v->data[len - 1] >= '0' * 11 + 8)
		return 0;
	put_bytes(to, v->data, len);
	return v->len;
}

/* ---- dates and times ---- */

#define DAY_LAST 2958465 /* 9999-12-31 */
#define DAY_MICROS INT64_C(86400000000)

/* n digits at s, or -1. */
static inline int digits_at(const char *s, int n)
{
	int x = 0;

	for (int i = 0; i < n; i++) {
		if (!is_digit(s[i]))
			return -1;
		x = x * 10 + (s[i] - '0');
	}
	return x;
}

/*
 * The days of YYYY-MM-DD as Excel counts them: 61 is 1900-03-01. 0 for what is
 * before, or is no such date: Excel believes in a 1900-02-29, other programs do
 * not, and so they disagree about the days before it. The count is Howard
 * Hinnant's days_from_civil.
 */
static int serial_day(const char *s)
{
	int y = digits_at(s, 4), m = digits_at(s + 5, 2),
	    d = digits_at(s + 8, 2), days;

	if (y < 1900 || s[4] != '-' || s[7] != '-' || m < 1 || d < 1)
		return 0;
	y -= m <= 2;
	days = y * 365 + y / 4 - y / 100 + y / 400 +
	       (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 693900;
	return days > 60 ? days : 0;
}

/* Microseconds of HH:MM:SS with or without a fraction and whatever follows; -1
 * for 24:00:00, too. */
static int64_t micros_of_day(const char *s, size_t len, bool *fraction)
{
	int h, m, sec, micros = 0;

	if (len < 8)
		return -1;
	h = digits_at(s, 2);
	m = digits_at(s + 3, 2);
	sec = digits_at(s + 6, 2);
	if (h < 0 || h > 23 || m < 0 || sec < 0)
		return -1;
	if (len > 9 && s[8] == '.') {
		size_t i = 9;

		for (; i < len && i < 15 && is_digit(s[i]); i++)
			micros = micros * 10 + (s[i] - '0');
		for (; i < 15; i++)
			micros *= 10;
		*fraction = true;
	}
	return ((h * 60 + m) * 60 + sec) * INT64_C(1000000) + micros;
}

/* Microseconds as the digits of a part of a day behind the point: 12 or 15 of
 * them, which is finer than a microsecond and as much as a double holds beside
 * the days. */
static char *put_fraction(char *p, int64_t micros, int digits)
{
	/* 10^12 / 86,400,000,000 is 625 / 54. */
	int64_t n = (micros * (digits == 12 ? 625 : 625000) + 27) / 54;
	char *end = p + digits + 1;

	if (n == 0)
		return p;
	*p = '.';
	for (char *d = end - 1; d > p; d--, n /= 10)
		*d = (char)('0' + n % 10);
	while (end[-1] == '0')
		end--;
	return end;
}

static int put_date(char *to, const struct value *v)
{
	int days = v->len == 10 ? serial_day(v->data) : 0;

	return days ? (int)(put_unsigned(to, (uint64_t)days) - to) : 0;
}

static int put_time(char *to, const struct value *v, bool *fraction)
{
	int64_t micros = micros_of_day(v->data, (size_t)v->len, fraction);

	if (micros < 0)
		return 0;
	*to = '0';
	return (int)(put_fraction(to + 1, micros, 15) - to);
}

/* The local time that the text shows, whatever zone follows. */
static int put_timestamp(char *to, const struct value *v, bool *fraction)
{
	size_t len = (size_t)v->len;
	int64_t micros;
	int days;

	if (len < 19 || v->data[10] != ' ' || v->data[len - 1] == 'C')
		return 0;
	days = serial_day(v->data);
	micros = micros_of_day(v->data + 11, len - 11, fraction);
	/* The last microseconds of 9999 would be rounded to the next year. */
	if (days == 0 || micros < 0 ||
	    (days == DAY_LAST && micros > DAY_MICROS - 40))
		return 0;
	return (
	    int)(put_fraction(put_unsigned(to, (uint64_t)days), micros, 12) -
		 to);
}

int xlsx_number(
    char *to, enum column_kind kind, const struct value *v, bool *fraction)
{
	switch (kind) {
	case KIND_INTEGER:
	case KIND_DECIMAL:
		return put_exact(to, v);
	case KIND_FLOAT:
		return put_float(to, v);
	case KIND_BOOLEAN:
		*to = v->data[0] == 't' ? '1' : '0';
		return 1;
	case KIND_DATE:
		return put_date(to, v);
	case KIND_TIME:
		return put_time(to, v, fraction);
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
		return put_timestamp(to, v, fraction);
	default:
		return 0;
	}
}

/* ---- text ---- */

/* Bytes that may not stand as they are. */
static const uint8_t special[256] = {
    /* control characters but for tab and line feed */
    [1] = 1,
    [2] = 1,
    [3] = 1,
    [4] = 1,
    [5] = 1,
    [6] = 1,
    [7] = 1,
    [8] = 1,
    [11] = 1,
    [12] = 1,
    [13] = 1,
    [14] = 1,
    [15] = 1,
    [16] = 1,
    [17] = 1,
    [18] = 1,
    [19] = 1,
    [20] = 1,
    [21] = 1,
    [22] = 1,
    [23] = 1,
    [24] = 1,
    [25] = 1,
    [26] = 1,
    [27] = 1,
    [28] = 1,
    [29] = 1,
    [30] = 1,
    [31] = 1,
    ['&'] = 1,
    ['<'] = 1,
    ['>'] = 1,
    ['_'] = 1,
    [0xEF] = 1,
};

/* Whether a reader would take what is at s for an escape: _x0041_. */
static bool reads_as_escape(const char *s, const char *end)
{
	if (end - s < 7 || s[1] != 'x' || s[6] != '_')
		return false;
	for (int i = 2; i < 6; i++) {
		char c = (char)(s[i] | 0x20);

		if (!is_digit(s[i]) && (c < 'a' || c > 'f'))
			return false;
	}
	return true;
}

/* One special character at *s, or the head of one; moves on behind it. */
static char *put_special(char *p, const char **s, const char *end)
{
	const unsigned char c = (unsigned char)*(*s)++;

	switch (c) {
	case '&':
		return PUT(p, "&amp;");
	case '<':
		return PUT(p, "&lt;");
	case '>':
		return PUT(p, "&gt;");
	case '\r': /* a reader of XML makes a line feed of it */
		return PUT(p, "&#13;");
	case '_':
		if (reads_as_escape(*s - 1, end))
			return PUT(p, "_x005F_");
		break;
	case 0xEF: /* U+FFFE and U+FFFF are no characters of XML */
		if ((unsigned char)(*s)[0] != 0xBF ||
		    (unsigned char)(*s)[1] < 0xBE)
			break;
		p = (unsigned char)(*s)[1] == 0xBE ? PUT(p, "_xFFFE_")
						   : PUT(p, "_xFFFF_");
		*s += 2;
		return p;
	default:
		memcpy(p, "_x0000_", 7);
		p[4] = (char)('0' + (c >> 4));
		p[5] = "0123456789ABCDEF"[c & 15];
		return p + 7;
	}
	*p++ = (char)c;
	return p;
}

static char *put_text(char *p, const char *s, const char *end)
{
	while (s < end) {
		if (special[(unsigned char)*s])
			p = put_special(p, &s, end);
		else
			*p++ = *s++;
	}
	return p;
}

/* How many bytes of the text are XLSX_TEXT_MAX units of UTF-16 at most. */
static size_t fitting(const char *s, size_t len)
{
	size_t i = 0;
	int units = 0;

	while (i < len) {
		unsigned char c = (unsigned char)s[i];

		units += c >= 0xF0 ? 2 : 1;
		if (units > XLSX_TEXT_MAX)
			return i;
		i += c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
	}
	return len;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A reader drops white space at the ends unless it is told not to. */
static char *put_string(
    char *p, const struct xlsx_piece *head, const char *s, size_t len)
{
	p = put_piece(p, head);
	if (len > 0 && (is_space(s[0]) || is_space(s[len - 1])))
		p = PUT(p - 1, " xml:space=\"preserve\">");
	p = put_text(p, s, s + len);
	return PUT(p, "</t></is></c>");
}

bool xlsx_cell(struct buf *b, struct xlsx_column *c, const struct xlsx_row *row,
    const struct value *v)
{
	size_t len = (size_t)v->len;
	bool fraction = false;
	char *p, *number;
	int n;

	if (v->len < 0)
		return false;
	if (len > XLSX_TEXT_MAX)
		len = fitting(v->data, len);
	p = buf_reserve(b, ESCAPED * len + 4 * sizeof(struct xlsx_piece));
	if (p == NULL)
		return false;
	p = put_piece(p, &c->place);
	memcpy(p, row->digits, sizeof(row->digits));
	p += row->len;
	number = put_piece(p, &c->number);
	n = xlsx_number(number, c->kind, v, &fraction);
	if (n > 0 && fraction) {
		number = put_piece(p, &c->fraction);
		xlsx_number(number, c->kind, v, &fraction);
	}
	if (n > 0) {
		p = PUT(number + n, "</v></c>");
	} else {
		p = put_string(p, &c->string, v->data, len);
		c->strays = true;
	}
	b->len = (size_t)(p - b->data);
	return len < (size_t)v->len;
}
