/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <string.h>

#include "rows/interval.h"
#include "source/duckdb/cell.h"

/* Forms of values in a vector, as duckdb.h declares them. */
struct duck_huge {
	uint64_t lower;
	int64_t upper;
};
struct duck_interval {
	int32_t months, days;
	int64_t micros;
};
#define INLINE_MAX 12 /* bytes of a text that follow its length in place */
struct duck_string {
	uint32_t len;
	char first[4];
	const char *apart; /* the bytes of a longer text */
};
struct duck_entry {
	uint64_t offset, length;
};
/* An offset of TIME_TZ counts down from this many seconds. */
#define OFFSET_MAX (16 * 3600 - 1)

static const char digits[] = "0123456789abcdef";

/* Returns a number that is stored in 1 to 8 bytes. */
static int64_t stored(enum duck_type type, const void *data, uint64_t row)
{
	switch (type) {
	case DUCK_TINYINT:
		return ((const int8_t *)data)[row];
	case DUCK_UTINYINT:
		return ((const uint8_t *)data)[row];
	case DUCK_SMALLINT:
		return ((const int16_t *)data)[row];
	case DUCK_USMALLINT:
		return ((const uint16_t *)data)[row];
	case DUCK_INTEGER:
		return ((const int32_t *)data)[row];
	case DUCK_UINTEGER:
		return ((const uint32_t *)data)[row];
	default:
		return ((const int64_t *)data)[row];
	}
}

static uhuge huge_at(const struct cell *c, uint64_t row)
{
	struct duck_huge h = ((const struct duck_huge *)c->data)[row];

	return (uhuge)(uint64_t)h.upper << 64 | h.lower;
}

static const char *bytes_at(const struct cell *c, uint64_t row, size_t *len)
{
	const struct duck_string *s = (const struct duck_string *)c->data + row;

	*len = s->len;
	return s->len <= INLINE_MAX
		   ? (const char *)s + offsetof(struct duck_string, first)
		   : s->apart;
}

/* ---- texts of each type ---- */

static size_t write_uuid(uhuge n, char *to)
{
	char *p = to;

	/* The highest bit is stored flipped, so that the order of UUIDs is that
	 * of signed numbers. */
	n ^= (uhuge)1 << 127;
	for (int i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			*p++ = '-';
		*p++ = digits[(unsigned)(n >> (124 - 4 * i)) & 15];
	}
	return (size_t)(p - to);
}

/* The first byte says how many bits of the second are padding. */
static void write_bits(const char *s, size_t len, struct buf *out)
{
	for (size_t i = 8 + (len > 0 ? (unsigned char)s[0] : 0); i < len * 8;
	     i++)
		buf_char(out,
		    (char)('0' + ((unsigned char)s[i / 8] >> (7 - i % 8) & 1)));
}

static void write_bytes(const char *s, size_t len, struct buf *out)
{
	char *to = buf_reserve(out, 2 * len + 2);

	if (to == NULL)
		return;
	*to++ = '\\';
	*to++ = 'x';
	for (size_t i = 0; i < len; i++) {
		*to++ = digits[(unsigned char)s[i] >> 4];
		*to++ = digits[(unsigned char)s[i] & 15];
	}
	out->len += 2 * len + 2;
}

static void write_interval(
    const struct cell *c, uint64_t row, struct cell_tools *t, struct buf *out)
{
	struct duck_interval d = ((const struct duck_interval *)c->data)[row];
	struct interval i = {d.months, d.days, d.micros};
	char room[128];
	struct buf text = {room, 0, sizeof(room), sizeof(room), false};

	(void)t;
	interval_write(&i, &text);
	buf_add(out, text.data, text.len);
}

static size_t write_timetz(uint64_t packed, char *to)
{
	return instant_timetz((int64_t)(packed >> 24),
	    OFFSET_MAX - (int32_t)(packed & 0xFFFFFF), to);
}

/* Returns microseconds, rounded down; the two infinities stay. */
static int64_t micros(int64_t n, int64_t multiply, int64_t divide)
{
	if (n == INT64_MAX || n == -INT64_MAX)
		return n;
	return multiply > 1 ? n * multiply : n / divide - (n % divide < 0);
}

/* Writes a value of a type whose texts are short. */
static size_t write_short(
    const struct cell *c, uint64_t row, struct cell_tools *t, char *to)
{
	const int64_t *longs = c->data;

	switch (c->type) {
	case DUCK_BOOLEAN:
		*to = ((const bool *)c->data)[row] ? 't' : 'f';
		return 1;
	case DUCK_UBIGINT:
		return number_unsigned((uint64_t)longs[row], to);
	case DUCK_HUGEINT:
		return number_decimal((huge)huge_at(c, row), 0, to);
	case DUCK_UHUGEINT:
		return number_uhuge(huge_at(c, row), to);
	case DUCK_DECIMAL:
		return number_decimal(c->stored == DUCK_HUGEINT
					  ? (huge)huge_at(c, row)
					  : stored(c->stored, c->data, row),
		    c->scale, to);
	case DUCK_FLOAT:
		return number_float(((const float *)c->data)[row], to);
	case DUCK_DOUBLE:
		return number_double(
		    t->powers, ((const double *)c->data)[row], to);
	case DUCK_DATE:
		return instant_date(((const int32_t *)c->data)[row], to);
	case DUCK_TIME:
		return instant_time(longs[row], to);
	case DUCK_TIME_NS:
		return instant_time(longs[row] / 1000, to);
	case DUCK_TIME_TZ:
		return write_timetz((uint64_t)longs[row], to);
	case DUCK_TIMESTAMP:
		return instant_timestamp(longs[row], to);
	case DUCK_TIMESTAMP_S:
		return instant_timestamp(
		    micros(longs[row], INSTANT_SECOND, 1), to);
	case DUCK_TIMESTAMP_MS:
		return instant_timestamp(micros(longs[row], 1000, 1), to);
	case DUCK_TIMESTAMP_NS:
		return instant_timestamp(micros(longs[row], 1, 1000), to);
	case DUCK_TIMESTAMP_TZ:
		return instant_timestamptz(t->zone, longs[row], to);
	case DUCK_UUID:
		return write_uuid(huge_at(c, row), to);
	default:
		return number_signed(stored(c->type, c->data, row), to);
	}
}

static void write_word(const struct cell *c, uint64_t row, struct buf *out)
{
	uint64_t n = (uint64_t)stored(c->stored, c->data, row);

	buf_str(out, n < c->word_count ? c->words[n] : "");
}

static void write_json(
    const struct cell *c, uint64_t row, struct cell_tools *t, struct buf *out);

void cell_write(
    const struct cell *c, uint64_t row, struct cell_tools *t, struct buf *out)
{
	const char *bytes;
	size_t len;
	char *to;

	switch (c->type) {
	case DUCK_VARCHAR:
		bytes = bytes_at(c, row, &len);
		buf_add(out, bytes, len);
		break;
	case DUCK_BLOB:
		bytes = bytes_at(c, row, &len);
		write_bytes(bytes, len, out);
		break;
	case DUCK_BIT:
		bytes = bytes_at(c, row, &len);
		write_bits(bytes, len, out);
		break;
	case DUCK_ENUM:
		write_word(c, row, out);
		break;
	case DUCK_INTERVAL:
		write_interval(c, row, t, out);
		break;
	case DUCK_LIST:
	case DUCK_ARRAY:
	case DUCK_MAP:
	case DUCK_STRUCT:
	case DUCK_UNION:
		write_json(c, row, t, out);
		break;
	default:
		to = buf_reserve(out, NUMBER_MAX);
		if (to != NULL)
			out->len += write_short(c, row, t, to);
	}
}

/* ---- JSON ---- */

static void write_string(const char *s, size_t len, struct buf *out)
{
	buf_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			buf_char(out, '\\');
		if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			buf_char(out, (char)c);
	}
	buf_char(out, '"');
}

/* Writes the text of a value as a JSON string. */
static void write_quoted(
    const struct cell *c, uint64_t row, struct cell_tools *t, struct buf *out)
{
	struct buf text = t->scratch;

	buf_init(&t->scratch, text.max);
	buf_clear(&text);
	cell_write(c, row, t, &text);
	write_string(text.data ? text.data : "", text.len, out);
	out->overflow = out->overflow || text.overflow;
	buf_free(&t->scratch);
	t->scratch = text;
}

/* NaN and the infinities are no numbers of JSON. */
static bool is_number(const struct cell *c, uint64_t row)
{
	struct column column = {0};

	cell_describe(c, &column);
	if (c->type == DUCK_DOUBLE)
		return ((const double *)c->data)[row] -
			   ((const double *)c->data)[row] ==
		       0;
	if (c->type == DUCK_FLOAT)
		return ((const float *)c->data)[row] -
			   ((const float *)c->data)[row] ==
		       0;
	return column.kind == KIND_INTEGER || column.kind == KIND_DECIMAL;
}

static void write_element(
    const struct cell *c, uint64_t row, struct cell_tools *t, struct buf *out)
{
	if (cell_is_null(c, row))
		buf_str(out, "null");
	else
		write_json(c, row, t, out);
}

static void write_list(const struct cell *element, struct duck_entry at,
    struct cell_tools *t, struct buf *out)
{
	buf_char(out, '[');
	for (uint64_t i = 0; i < at.length && !out->overflow; i++) {
		if (i > 0)
			buf_char(out, ',');
		write_element(element, at.offset + i, t, out);
	}
	buf_char(out, ']');
}

static void write_map(const struct cell *c, struct duck_entry at,
    struct cell_tools *t, struct buf *out)
{
	buf_char(out, '{');
	for (uint64_t i = 0; i < at.length && !out->overflow; i++) {
		if (i > 0)
			buf_char(out, ',');
		write_quoted(&c->parts[0], at.offset + i, t, out);
		buf_char(out, ':');
		write_element(&c->parts[1], at.offset + i, t, out);
	}
	buf_char(out, '}');
}

static void write_member(
    const struct cell *c, uint64_t row, struct cell_tools *t, struct buf *out)
{
	write_string(c->name, strlen(c->name), out);
	buf_char(out, ':');
	write_element(c, row, t, out);
}

static void write_struct(
    const struct cell *c, uint64_t row, struct cell_tools *t, struct buf *out)
{
	buf_char(out, '{');
	for (int i = 0; i < c->count; i++) {
		if (i > 0)
			buf_char(out, ',');
		write_member(&c->parts[i], row, t, out);
	}
	buf_char(out, '}');
}

/* Writes the member that the tag names. */
static void write_union(
    const struct cell *c, uint64_t row, struct cell_tools *t, struct buf *out)
{
	uint8_t tag = ((const uint8_t *)c->parts[0].data)[row];

	buf_char(out, '{');
	if (tag + 1 < c->count)
		write_member(&c->parts[tag + 1], row, t, out);
	buf_char(out, '}');
}

static void write_json(
    const struct cell *c, uint64_t row, struct cell_tools *t, struct buf *out)
{
	switch (c->type) {
	case DUCK_LIST:
		write_list(&c->parts[0],
		    ((const struct duck_entry *)c->data)[row], t, out);
		break;
	case DUCK_ARRAY:
		write_list(&c->parts[0],
		    (struct duck_entry){row * c->width, c->width}, t, out);
		break;
	case DUCK_MAP:
		write_map(c, ((const struct duck_entry *)c->data)[row], t, out);
		break;
	case DUCK_STRUCT:
		write_struct(c, row, t, out);
		break;
	case DUCK_UNION:
		write_union(c, row, t, out);
		break;
	case DUCK_BOOLEAN:
		buf_str(out, ((const bool *)c->data)[row] ? "true" : "false");
		break;
	default:
		if (c->json || is_number(c, row))
			cell_write(c, row, t, out);
		else
			write_quoted(c, row, t, out);
	}
}
