/* SPDX-License-Identifier: MIT */
#include "place/table/redshift/csv.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"

/* Bytes of a row that COPY takes; see "COPY" in Redshift's manual. */
#define ROW_MAX ((size_t)4 << 20)
#define OUT_MAX (2 * ROW_MAX + ((size_t)1 << 20))

void redshift_csv_open(struct redshift_csv *c, const struct schema *schema)
{
	*c = (struct redshift_csv){.count = schema->count};
	c->columns = mem_zalloc((size_t)schema->count * sizeof(*c->columns));
	for (int i = 0; i < schema->count; i++)
		c->columns[i] = (struct redshift_csv_column){
		    mem_strdup(schema->columns[i].name),
		    schema->columns[i].kind};
	snprintf(c->null, sizeof(c->null), "null%016" PRIx64 "%016" PRIx64,
	    (uint64_t)random_below(INT64_MAX),
	    (uint64_t)random_below(INT64_MAX));
	buf_init(&c->out, OUT_MAX);
}

void redshift_csv_free(struct redshift_csv *c)
{
	for (int i = 0; i < c->count; i++)
		free(c->columns[i].name);
	free(c->columns);
	buf_free(&c->out);
	*c = (struct redshift_csv){.count = 0};
}

static bool is_time(const struct redshift_csv *c)
{
	return kind_has_date(c->columns[c->at].kind);
}

static void begin_value(struct redshift_csv *c)
{
	c->state = CSV_VALUE;
	c->head_len = 0;
	c->last = '\0';
	/* \x before the digits of bytes */
	c->skip = c->columns[c->at].kind == KIND_BYTES ? 2 : 0;
	buf_char(&c->out, '"');
}

static void note_ends(struct redshift_csv *c, const char *text, size_t len)
{
	for (size_t i = 0; i < len && c->head_len < sizeof(c->head); i++)
		c->head[c->head_len++] = text[i];
	c->last = text[len - 1];
}

static void add(struct redshift_csv *c, const char *text, size_t len)
{
	if (len > 0 && is_time(c))
		note_ends(c, text, len);
	for (; len > 0 && c->skip > 0; c->skip--, len--)
		text++;
	buf_add(&c->out, text, len);
}

/* Says whether the value is a date of four digits after Christ. */
static bool is_plain_time(const struct redshift_csv *c)
{
	for (size_t i = 0; i < 4; i++) {
		if (i >= c->head_len || !isdigit((unsigned char)c->head[i]))
			return false;
	}
	return c->head_len > 4 && c->head[4] == '-' && c->last != 'C';
}

static int end_value(struct redshift_csv *c, struct err *e)
{
	buf_char(&c->out, '"');
	if (!is_time(c) || is_plain_time(c))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "row %" PRId64 " has in the column \"%s\" a time that COPY of "
	    "Redshift cannot read: infinity, before Christ, or after the year "
	    "9999; turn such times into NULL in export_sql",
	    c->rows + 1, c->columns[c->at].name);
}

static int check_row(const struct redshift_csv *c, struct err *e)
{
	if (c->row_bytes <= ROW_MAX && !c->out.overflow)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "row %" PRId64 " has more than the 4 MB that COPY of Redshift "
	    "takes",
	    c->rows + 1);
}

/* Ends a field at a tab or a line feed. */
static int end_field(struct redshift_csv *c, char by, struct err *e)
{
	if (c->state == CSV_VALUE && end_value(c, e) != 0)
		return -1;
	c->state = CSV_FIELD;
	buf_char(&c->out, by == '\n' ? '\n' : ',');
	if (by == '\t') {
		c->at = c->at + 1 < c->count ? c->at + 1 : 0;
		return 0;
	}
	if (check_row(c, e) != 0)
		return -1;
	c->at = 0;
	c->row_bytes = 0;
	c->rows++;
	return 0;
}

static char unescaped(char c)
{
	static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";
	const char *at = strchr(from, c);

	return at != NULL && c != '\0' ? to[at - from] : c;
}

/* The bytes up to the next one that means something. */
static size_t plain(const char *data, size_t len)
{
	size_t n = 0;

	while (n < len && data[n] != '\\' && data[n] != '\t' &&
	       data[n] != '\n' && data[n] != '"')
		n++;
	return n;
}

/* Takes bytes of a value. Returns how many, or -1. */
static int64_t take_value(
    struct redshift_csv *c, const char *data, size_t len, struct err *e)
{
	size_t n = plain(data, len);

	add(c, data, n);
	if (n == len)
		return (int64_t)n;
	if (data[n] == '\\')
		c->state = CSV_ESCAPE;
	else if (data[n] == '"')
		add(c, "\"\"", 2);
	else if (end_field(c, data[n], e) != 0)
		return -1;
	return (int64_t)n + 1;
}

/* Takes the first byte of a field, or nothing of it when it begins a value. */
static int64_t take_first(struct redshift_csv *c, const char *data)
{
	if (*data == '\\') {
		c->state = CSV_FIELD_ESCAPE;
		return 1;
	}
	begin_value(c);
	return 0;
}

static int64_t take_escaped(struct redshift_csv *c, const char *data)
{
	char one = unescaped(*data);

	if (c->state == CSV_FIELD_ESCAPE && *data == 'N') {
		c->state = CSV_NULL;
		buf_str(&c->out, c->null);
		return 1;
	}
	if (c->state == CSV_FIELD_ESCAPE)
		begin_value(c);
	c->state = CSV_VALUE;
	add(c, &one, 1);
	return 1;
}

static int64_t take(
    struct redshift_csv *c, const char *data, size_t len, struct err *e)
{
	switch (c->state) {
	case CSV_FIELD:
		return take_first(c, data);
	case CSV_FIELD_ESCAPE:
	case CSV_ESCAPE:
		return take_escaped(c, data);
	case CSV_NULL:
		return end_field(c, *data, e) == 0 ? 1 : -1;
	default:
		return take_value(c, data, len, e);
	}
}

int64_t redshift_csv_take(
    struct redshift_csv *c, const char *data, size_t len, struct err *e)
{
	int64_t rows = c->rows, n;
	size_t taken = 0;

	while (taken < len && c->rows == rows) {
		n = take(c, data + taken, len - taken, e);
		if (n < 0)
			return -1;
		taken += (size_t)n;
		c->row_bytes += c->rows == rows ? (size_t)n : 0;
		if (c->row_bytes > ROW_MAX && check_row(c, e) != 0)
			return -1;
	}
	return (int64_t)taken;
}
