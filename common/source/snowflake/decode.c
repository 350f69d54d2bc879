/* SPDX-License-Identifier: MIT */
#include "source/snowflake/decode.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

/*
 * The forms of values: "Handling responses", "Getting the data from the results",
 * in the manual of the SQL API.
 */
#define NANO INT64_C(1000000000)
/* Microseconds since 1970 of the first day that PostgreSQL's times can have. */
#define FIRST_US (INT64_C(-2440588) * 86400 * INSTANT_SECOND)
/* Digits that a DECFLOAT may have once its exponent is written out. */
#define DIGITS_MAX 16500
/* Digits that every 64-bit integer has room for. */
#define INT64_DIGITS 18

static int wrong(const char *what, const char *text, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "Snowflake sends \"%.60s\", which is no %s", text, what);
}

/* ---- texts that stay as they are ---- */

static int write_plain(struct decode_tools *tools,
    const struct decoder *decoder, const char *text, size_t len, struct buf *to,
    struct err *e)
{
	(void)tools, (void)decoder, (void)e;
	buf_add(to, text, len);
	return 0;
}

static int write_boolean(struct decode_tools *tools,
    const struct decoder *decoder, const char *text, size_t len, struct buf *to,
    struct err *e)
{
	(void)tools, (void)decoder, (void)len;
	if (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0)
		buf_char(to, 't');
	else if (strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0)
		buf_char(to, 'f');
	else
		return wrong("boolean", text, e);
	return 0;
}

static int write_binary(struct decode_tools *tools,
    const struct decoder *decoder, const char *text, size_t len, struct buf *to,
    struct err *e)
{
	(void)tools, (void)decoder;
	if (len % 2 != 0)
		return wrong("binary value", text, e);
	buf_str(to, "\\x");
	for (; *text != '\0'; text++) {
		if (!isxdigit((unsigned char)*text))
			return wrong("binary value", text, e);
		buf_char(to, (char)tolower((unsigned char)*text));
	}
	return 0;
}

/* ---- numbers ---- */

/* A number in its parts, which point into its text. */
struct number {
	bool negative;
	const char *whole, *fraction;
	size_t whole_len, fraction_len;
	int64_t exponent;
};

static bool read_number(const char *text, struct number *n)
{
	const char *end;

	*n = (struct number){.negative = *text == '-'};
	text += *text == '-' || *text == '+';
	n->whole = text;
	n->whole_len = strspn(text, "0123456789");
	text += n->whole_len;
	if (*text == '.') {
		n->fraction = ++text;
		n->fraction_len = strspn(text, "0123456789");
		text += n->fraction_len;
	}
	end = text;
	if (*text == 'e' || *text == 'E') {
		text += 1 + (text[1] == '+');
		if (str_to_i64(text, &n->exponent) != 0)
			return false;
		end = "";
	}
	return *end == '\0' && n->whole_len + n->fraction_len > 0;
}

static void put_zeros(struct buf *to, int64_t count)
{
	while (count-- > 0)
		buf_char(to, '0');
}

/* NUMBER: as many digits after the point as its scale says. */
static int write_fixed(struct decode_tools *tools,
    const struct decoder *decoder, const char *text, size_t len, struct buf *to,
    struct err *e)
{
	struct number n;

	(void)tools, (void)len;
	if (!read_number(text, &n) || n.exponent != 0 ||
	    n.fraction_len > (size_t)decoder->scale)
		return wrong("number of its column's scale", text, e);
	if (n.negative)
		buf_char(to, '-');
	if (n.whole_len == 0)
		buf_char(to, '0');
	buf_add(to, n.whole, n.whole_len);
	if (decoder->scale > 0)
		buf_char(to, '.');
	buf_add(to, n.fraction ? n.fraction : "", n.fraction_len);
	put_zeros(to, decoder->scale - (int64_t)n.fraction_len);
	return 0;
}

static const char *special(const char *text)
{
	static const char *const words[][2] = {{"nan", "NaN"},
	    {"inf", "Infinity"}, {"infinity", "Infinity"},
	    {"-inf", "-Infinity"}, {"-infinity", "-Infinity"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasecmp(text, words[i][0]) == 0)
			return words[i][1];
	}
	return NULL;
}

static int write_real(struct decode_tools *tools, const struct decoder *decoder,
    const char *text, size_t len, struct buf *to, struct err *e)
{
	const char *word = special(text);
	char digits[NUMBER_MAX];
	struct number n;

	(void)decoder, (void)len;
	if (word != NULL) {
		buf_str(to, word);
		return 0;
	}
	if (!read_number(text, &n))
		return wrong("floating point number", text, e);
	if (tools->powers == NULL)
		tools->powers = powers_open();
	buf_add(to, digits,
	    number_double(tools->powers, strtod(text, NULL), digits));
	return 0;
}

/* Returns the i-th digit of whole part and fraction together, which go on with
 * zeros. */
static char digit_at(const struct number *n, int64_t i)
{
	if (i < 0)
		return '0';
	if ((size_t)i < n->whole_len)
		return n->whole[i];
	i -= (int64_t)n->whole_len;
	return (size_t)i < n->fraction_len ? n->fraction[i] : '0';
}

/* DECFLOAT: 1.23E+40 is written with all of its digits. */
static int write_decfloat(struct decode_tools *tools,
    const struct decoder *decoder, const char *text, size_t len, struct buf *to,
    struct err *e)
{
	struct number n;
	int64_t point, all, first;

	(void)tools, (void)decoder, (void)len;
	if (!read_number(text, &n) || n.exponent > DIGITS_MAX ||
	    n.exponent < -DIGITS_MAX)
		return wrong("decimal number", text, e);
	point = (int64_t)n.whole_len + n.exponent;
	all = (int64_t)(n.whole_len + n.fraction_len);
	first = 0;
	while (first < point - 1 && digit_at(&n, first) == '0')
		first++;
	if (n.negative)
		buf_char(to, '-');
	if (point <= 0)
		buf_char(to, '0');
	for (int64_t i = first; i < point; i++)
		buf_char(to, digit_at(&n, i));
	if (all > point)
		buf_char(to, '.');
	for (int64_t i = point; i < all; i++)
		buf_char(to, digit_at(&n, i));
	return 0;
}

/* ---- times ---- */

/*
 * Reads a time, in nanoseconds: seconds with a point and up to nine digits, or
 * nanoseconds without a point. A number without a point that cannot be nanoseconds
 * of the column's scale is refused, as it might be seconds. *rest is what follows.
 */
static int read_nano(const struct decoder *decoder, const char *text,
    huge *nano, const char **rest, struct err *e)
{
	char part[32], fraction[10] = "000000000";
	size_t len = strspn(text, "+-0123456789"), digits;
	int64_t seconds, below, unit = 1;
	bool negative = *text == '-';

	if (len >= sizeof(part))
		return wrong("time", text, e);
	memcpy(part, text, len);
	part[len] = '\0';
	if (str_to_i64(part, &seconds) != 0)
		return wrong("time", text, e);
	*rest = text + len;
	if (text[len] != '.') {
		for (int i = decoder->scale; i < 9; i++)
			unit *= 10;
		*nano = seconds;
		return seconds % unit != 0
			   ? wrong("time of its column's scale", text, e)
			   : 0;
	}
	digits = strspn(text + len + 1, "0123456789");
	if (digits > 9)
		return wrong("time", text, e);
	memcpy(fraction, text + len + 1, digits);
	str_to_i64(fraction, &below);
	*rest = text + len + 1 + digits;
	*nano = (huge)seconds * NANO + (negative ? -below : below);
	return 0;
}

/* Reads a time in microseconds; what is smaller is rounded down, as everywhere
 * before 1970, too. */
static int read_micro(const struct decoder *decoder, const char *text,
    int64_t *us, const char **rest, struct err *e)
{
	huge nano = 0;

	if (read_nano(decoder, text, &nano, rest, e) != 0)
		return -1;
	nano = nano / 1000 - (nano % 1000 < 0);
	/* From 4713 BC on, as PostgreSQL's times, to the year 292277. */
	if (nano < FIRST_US || nano > INT64_MAX)
		return wrong("time of the years that can be written", text, e);
	*us = (int64_t)nano;
	return 0;
}

static int write_date(struct decode_tools *tools, const struct decoder *decoder,
    const char *text, size_t len, struct buf *to, struct err *e)
{
	char out[INSTANT_MAX];
	int64_t days;

	(void)tools, (void)decoder, (void)len;
	if (str_to_i64(text, &days) != 0 || days >= INT32_MAX ||
	    days <= -INT32_MAX)
		return wrong("date", text, e);
	buf_add(to, out, instant_date((int32_t)days, out));
	return 0;
}

static int write_time(struct decode_tools *tools, const struct decoder *decoder,
    const char *text, size_t len, struct buf *to, struct err *e)
{
	char out[INSTANT_MAX];
	const char *rest;
	int64_t us;

	(void)tools, (void)len;
	if (read_micro(decoder, text, &us, &rest, e) != 0)
		return -1;
	if (us < 0 || us >= 86400 * INSTANT_SECOND || *rest != '\0')
		return wrong("time of a day", text, e);
	buf_add(to, out, instant_time(us, out));
	return 0;
}

/* Reads a time with nothing after it. */
static int read_timestamp(
    const struct decoder *decoder, const char *text, int64_t *us, struct err *e)
{
	const char *rest;

	if (read_micro(decoder, text, us, &rest, e) != 0)
		return -1;
	return *rest == '\0' ? 0 : wrong("timestamp", text, e);
}

static int write_ntz(struct decode_tools *tools, const struct decoder *decoder,
    const char *text, size_t len, struct buf *to, struct err *e)
{
	char out[INSTANT_MAX];
	int64_t us;

	(void)tools, (void)len;
	if (read_timestamp(decoder, text, &us, e) != 0)
		return -1;
	buf_add(to, out, instant_timestamp(us, out));
	return 0;
}

static int put_instant(struct decode_tools *tools, int64_t us, struct buf *to)
{
	char out[INSTANT_MAX];

	buf_add(to, out, instant_timestamptz(tools->zone, us, out));
	return 0;
}

static int write_ltz(struct decode_tools *tools, const struct decoder *decoder,
    const char *text, size_t len, struct buf *to, struct err *e)
{
	int64_t us;

	(void)len;
	return read_timestamp(decoder, text, &us, e) == 0
		   ? put_instant(tools, us, to)
		   : -1;
}

/* The number after the blank is the offset in minutes plus 1440. The instant is what
 * counts: PostgreSQL's type has no offset of its own. */
static int write_tz(struct decode_tools *tools, const struct decoder *decoder,
    const char *text, size_t len, struct buf *to, struct err *e)
{
	const char *rest;
	int64_t us, offset;

	(void)len;
	if (read_micro(decoder, text, &us, &rest, e) != 0)
		return -1;
	if (*rest != ' ' || str_to_i64(rest + 1, &offset) != 0 || offset < 0 ||
	    offset > 2880)
		return wrong("timestamp with a time zone", text, e);
	return put_instant(tools, us, to);
}

/* ---- the table of types ---- */

static const struct kind {
	const char *name;
	enum column_kind kind;
	int (*write)(struct decode_tools *tools, const struct decoder *decoder,
	    const char *text, size_t len, struct buf *to, struct err *e);
} kinds[] = {
    {"fixed", KIND_DECIMAL, write_fixed},
    {"real", KIND_FLOAT, write_real},
    {"float", KIND_FLOAT, write_real},
    {"double", KIND_FLOAT, write_real},
    {"decfloat", KIND_DECIMAL, write_decfloat},
    {"text", KIND_TEXT, write_plain},
    {"boolean", KIND_BOOLEAN, write_boolean},
    {"date", KIND_DATE, write_date},
    {"time", KIND_TIME, write_time},
    {"timestamp_ntz", KIND_TIMESTAMP, write_ntz},
    {"timestamp_ltz", KIND_TIMESTAMPTZ, write_ltz},
    {"timestamp_tz", KIND_TIMESTAMPTZ, write_tz},
    {"binary", KIND_BYTES, write_binary},
    {"variant", KIND_JSON, write_plain},
    {"object", KIND_JSON, write_plain},
    {"array", KIND_JSON, write_plain},
    {"map", KIND_JSON, write_plain},
    {"vector", KIND_JSON, write_plain},
    {"geography", KIND_JSON, write_plain},
    {"geometry", KIND_JSON, write_plain},
};

/* A type that is unknown here is a text. */
static const struct kind *kind_named(const char *name)
{
	static const struct kind other = {"", KIND_OTHER, write_plain};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcasecmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return &other;
}

/* NUMBER without a scale is an integer where it fits. */
static void set_number(const json_t *type, struct column *column)
{
	int64_t precision = json_int(type, "precision", 38);

	column->precision = (int)precision;
	column->scale = (int)json_int(type, "scale", 0);
	if (column->scale > 0 || precision > INT64_DIGITS)
		return;
	column->kind = KIND_INTEGER;
	column->size = precision > 9 ? 8 : precision > 4 ? 4 : 2;
	column->precision = 0;
}

int decoder_open(const json_t *type, struct decoder *decoder,
    struct column *column, struct err *e)
{
	const char *name = json_str(type, "name", NULL);
	const struct kind *kind = kind_named(json_str(type, "type", ""));
	int64_t scale = json_int(type, "scale", 0);

	if (name == NULL || scale < 0 || scale > 38)
		return err_set(e, ERR_TRANSIENT,
		    "the answer describes a column without a name, or with a "
		    "scale that no number has");
	*column = (struct column){.name = mem_strdup(name),
	    .kind = kind->kind,
	    .nullable = json_bool(type, "nullable", true)};
	*decoder = (struct decoder){kind->write, (int)scale};
	if (kind->write == write_fixed)
		set_number(type, column);
	else if (kind->kind == KIND_FLOAT)
		column->size = 8;
	return 0;
}
