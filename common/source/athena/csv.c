/* SPDX-License-Identifier: MIT */
#include "source/athena/csv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Bytes that are read at once, and the most that one row may have. */
#define PIECE ((size_t)256 << 10)
#define ROW_MAX ((size_t)40 << 20)

/* ---- bytes ---- */

static int torn(const struct csv *c, struct err *e)
{
	return err_set(e, ERR_TRANSIENT,
	    "the result %s ends within row %" PRId64
	    ": it is not whole, or no result of Athena",
	    c->address, c->row);
}

/* Adds a piece of the file. 1: there is no more. */
static int fill(struct csv *c, struct err *e)
{
	int64_t left = c->size - c->at;
	size_t n = left < (int64_t)PIECE ? (size_t)left : PIECE;
	char *to;
	int rc;

	if (n == 0)
		return 1;
	to = buf_reserve(&c->in, n);
	if (to == NULL)
		return err_set(e, ERR_PERMANENT,
		    "row %" PRId64 " of the result is longer than %zu bytes",
		    c->row, ROW_MAX);
	rc = c->files->read(c->file, c->at, to, n, e);
	if (rc == 1)
		return err_set(e, ERR_TRANSIENT,
		    "the result %s was changed while it was read", c->address);
	if (rc != 0)
		return -1;
	c->in.len += n;
	c->in.data[c->in.len] = '\0';
	c->at += (int64_t)n;
	return 0;
}

/* Returns the length of the row at `taken`, with its line break; 0: it does not end
 * yet. */
static size_t find_end(struct csv *c)
{
	const char *start = c->in.data + c->taken;
	const char *at = start + c->looked, *end = c->in.data + c->in.len;

	while (at < end) {
		if (c->quoted) {
			at = memchr(at, '"', (size_t)(end - at));
			if (at == NULL)
				break;
			c->quoted = false;
			at++;
		} else if (*at == '\n') {
			c->looked = 0;
			return (size_t)(at + 1 - start);
		} else {
			c->quoted = *at++ == '"';
		}
	}
	c->looked = (size_t)(end - start);
	return 0;
}

/* ---- rows ---- */

static int odd(const struct csv *c, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "row %" PRId64
	    " of the result %s is not in the form of Athena's CSV",
	    c->row, c->address);
}

/* Takes the quotes off a value, in place. Returns the byte after its closing quote;
 * NULL: there is none. */
static char *unquote(char *at, const char *end, size_t *len)
{
	char *to = at++, *text = to;

	for (;;) {
		char *quote = memchr(at, '"', (size_t)(end - at));
		size_t n;

		if (quote == NULL)
			return NULL;
		n = (size_t)(quote - at);
		memmove(to, at, n);
		to += n;
		at = quote + 1;
		if (at >= end || *at != '"')
			break;
		*to++ = *at++;
	}
	*len = (size_t)(to - text);
	return at;
}

/* Calls back for each value of a row; text NULL: NULL. Every value has a byte after it
 * that becomes a NUL. */
typedef int each_value(
    void *arg, int column, const char *text, size_t len, struct err *e);

static int split(struct csv *c, char *at, char *end, int columns,
    each_value *each, void *arg, struct err *e)
{
	for (int i = 0;; i++) {
		char *text = at, *after;
		bool quoted = *at == '"';
		size_t len = 0;
		char last;

		if (quoted) {
			after = unquote(at, end, &len);
		} else {
			after = memchr(at, ',', (size_t)(end - at));
			after = after ? after : end;
			len = (size_t)(after - at);
		}
		if (after == NULL || (after < end && *after != ',') ||
		    i >= columns)
			return odd(c, e);
		last = after < end ? ',' : '\n';
		text[len] = '\0';
		if (each(arg, i, quoted || len > 0 ? text : NULL, len, e) != 0)
			return -1;
		if (last == '\n')
			return i + 1 == columns ? 0 : odd(c, e);
		at = after + 1;
	}
}

/* Finds the next row, whose bytes stay where they are until the next batch begins
 * and, unless `more` is set, are in memory already. 1: *at and *end are its first byte
 * and its line break; 0: there is none. */
static int next_row(
    struct csv *c, bool more, char **at, char **end, struct err *e)
{
	size_t len;
	int rc = 0;

	while ((len = find_end(c)) == 0 && more && rc == 0)
		rc = fill(c, e);
	if (rc < 0)
		return -1;
	if (len == 0)
		return rc == 1 && c->in.len > c->taken ? torn(c, e) : 0;
	*at = c->in.data + c->taken;
	*end = *at + len - 1;
	c->taken += len;
	c->row++;
	return 1;
}

static void begin(struct csv *c)
{
	buf_consume(&c->in, c->taken);
	c->taken = 0;
}

/* ---- the header ---- */

static int compare_name(
    void *arg, int column, const char *text, size_t len, struct err *e)
{
	const struct schema *schema = arg;
	const char *name = schema->columns[column].name;

	if (text != NULL && strlen(name) == len && memcmp(name, text, len) == 0)
		return 0;
	return err_set(e, ERR_TRANSIENT,
	    "the result's file has a column \"%.100s\" where Athena tells of "
	    "\"%s\"",
	    text ? text : "", name);
}

static int read_header(
    struct csv *c, const struct schema *schema, struct err *e)
{
	char *at, *end;
	int rc = next_row(c, true, &at, &end, e);

	if (rc == 0)
		return err_set(e, ERR_TRANSIENT,
		    "the result %s has no header line", c->address);
	return rc < 0 ? -1
		      : split(c, at, end, schema->count, compare_name,
			    (void *)(uintptr_t)schema, e);
}

int csv_open(struct csv *c, const struct source_reach *reach,
    const char *address, const struct schema *schema, struct err *e)
{
	*c = (struct csv){.files = reach->files};
	buf_init(&c->in, ROW_MAX);
	c->address = mem_strdup(address);
	c->file = c->files->open(reach->arg, address, &c->size, e);
	if (c->file == NULL)
		return err_wrap(e, "the result of the statement");
	return read_header(c, schema, e);
}

void csv_close(struct csv *c)
{
	if (c->file != NULL)
		c->files->close(c->file);
	buf_free(&c->in);
	free(c->address);
	*c = (struct csv){.file = NULL};
}

/* ---- values ---- */

struct setting {
	struct rows *rows;
	int row;
};

static int set_value(
    void *arg, int column, const char *text, size_t len, struct err *e)
{
	struct setting *s = arg;

	return rows_set(s->rows, s->row, column, text, len, e);
}

int csv_next(struct csv *c, struct rows *rows, struct err *e)
{
	struct setting s = {.rows = rows};
	char *at, *end;
	int rc = 0;

	begin(c);
	/* Only the first row may have more read, which moves the others. */
	while (!rows_full(rows) &&
	       (rc = next_row(c, rows->count == 0, &at, &end, e)) == 1) {
		s.row = rows_add(rows);
		if (split(c, at, end, rows->schema->count, set_value, &s, e) !=
		    0)
			return err_wrap(e, "row %" PRId64, c->row - 1);
	}
	return rows->count > 0 ? 1 : rc;
}
