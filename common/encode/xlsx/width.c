/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/width.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/xlsx/number.h"
#include "encode/xlsx/style.h"
#include "encode/xlsx/text.h"

#define LEAST 6
#define LIMIT 255 /* widest column in Excel */
/* A header longer than this gets a second line. */
#define HEADER_LINE 22
#define BUTTON 3
/* General shows at most this many characters, with the sign. */
#define GENERAL_MOST 12
/* Characters of room for later rows: for more digits with a separator, and for
 * those of sums. */
#define GROWTH 4
#define GROWTH_TOTAL 3
/* texts grow by this fraction of their width and two characters */
#define GROWTH_TEXT 5
/* Room between a text and the lines of its cell. */
#define PADDING 1.7

void xlsx_widths_open(struct xlsx_widths *w, const struct schema *schema,
    const struct layout *layout)
{
	size_t count = (size_t)schema->count + 1;

	*w = (struct xlsx_widths){
	    .schema = schema, .layout = layout, .columns = schema->count};
	w->formats = mem_zalloc(count * sizeof(*w->formats));
	w->seen = mem_zalloc(count * sizeof(*w->seen));
	buf_init(&w->scratch, 1 << 20);
	for (int i = 0; i < schema->count; i++) {
		const char *code = layout->columns[i].format;
		char room[XLSX_CODE_MAX];
		struct err e;

		if (code == NULL)
			code = xlsx_code(&schema->columns[i], false, room);
		if (strcmp(code, XLSX_GENERAL) == 0)
			continue;
		w->formats[i] = format_open(code, &e);
		if (w->formats[i] != NULL)
			format_set_money(
			    w->formats[i], schema->columns[i].money);
	}
}

void xlsx_widths_close(struct xlsx_widths *w)
{
	/* The schema may have been freed: a failed run frees all it had
	 * open. */
	for (int i = 0; i < w->columns; i++)
		format_close(w->formats[i]);
	free(w->formats);
	free(w->seen);
	buf_free(&w->scratch);
	*w = (struct xlsx_widths){.schema = NULL};
}

/* Returns the longest line of a text in characters. */
static int text_width(const char *s, size_t len)
{
	const char *end = s + len;
	long most = 0;

	while (s < end && most < XLSX_LINE) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));
		size_t n = (size_t)((stop ? stop : end) - s);
		long width = xlsx_text_width(s, n, 10L * XLSX_LINE) / 10;

		most = width > most ? width : most;
		s += n + 1;
	}
	return (int)(most < XLSX_LINE ? most : XLSX_LINE);
}

/* Returns the width of a value without a code of its own. Times of day and
 * timestamps with a fraction show milliseconds. */
static int default_width(enum column_kind kind, int n)
{
	switch (kind) {
	case KIND_BOOLEAN:
		return (int)sizeof("FALSE") - 1;
	case KIND_TIME:
		return n > 8 ? 12 : 8;
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
		return n > 22 ? 23 : 19;
	default:
		return n;
	}
}

/* Returns the width of a number without a code: that of its text, except for
 * floats that General rounds and for fractions of more than 15 digits. */
static int general_width(enum column_kind kind, const struct value *v, int n)
{
	int most = kind == KIND_FLOAT ? GENERAL_MOST : XLSX_DIGITS + 2;

	if (kind != KIND_FLOAT && memchr(v->data, '.', (size_t)v->len) == NULL)
		return n;
	return n < most ? n : most;
}

static int shown_width(struct xlsx_widths *w, int column, const struct value *v)
{
	enum column_kind kind = w->schema->columns[column].kind;
	const struct format *f = w->formats[column];
	int n = text_width(v->data, (size_t)v->len);

	if (w->layout->columns[column].format == NULL &&
	    kind != KIND_INTERVAL && !kind_is_number(kind))
		return default_width(kind, n);
	if (f == NULL)
		return kind_is_number(kind) ? general_width(kind, v, n) : n;
	buf_clear(&w->scratch);
	format_add(f, kind, v, &w->scratch);
	n = text_width(w->scratch.data ? w->scratch.data : "", w->scratch.len);
	/* an interval with a fraction is shown as [h]:mm:ss.000 */
	return n + (kind == KIND_INTERVAL &&
			       w->layout->columns[column].format == NULL &&
			       memchr(v->data, '.', (size_t)v->len)
			   ? 4
			   : 0);
}

static void see(struct xlsx_widths *w, int column, int n)
{
	if (n > w->seen[column])
		w->seen[column] = n;
}

void xlsx_widths_row(struct xlsx_widths *w, const struct value *row)
{
	for (int i = 0; i < w->schema->count; i++) {
		if (row[i].len > 0)
			see(w, i, shown_width(w, i, &row[i]));
	}
}

/* Returns the width of a bold text: bold letters are wider by a tenth. */
static int bold(int n)
{
	return n + (n + 9) / 10;
}

void xlsx_widths_header(
    struct xlsx_widths *w, int column, const char *label, bool button)
{
	int n = text_width(label, strlen(label)), word = 0;

	/* A header is broken into two lines, but only between words. */
	for (const char *s = label; n > HEADER_LINE && *s != '\0';) {
		size_t len = strcspn(s, " \n");
		int width = text_width(s, len);

		if (width > word)
			word = width;
		s += len + (s[len] != '\0');
	}
	if (n > HEADER_LINE)
		n = word > HEADER_LINE ? word : HEADER_LINE;
	see(w, column, bold(n) + (button ? BUTTON : 0));
}

int xlsx_header_room(double width, bool button)
{
	int n = (int)(width - (button ? BUTTON : 0));

	n -= n / 11; /* takes off what bold() adds */
	return n > 1 ? n : 1;
}

void xlsx_widths_total(struct xlsx_widths *w, int column, const char *code,
    enum column_kind kind, const struct value *v)
{
	struct err e;
	struct format *f = format_open(code, &e);

	if (f == NULL)
		return;
	format_set_money(f, w->schema->columns[column].money);
	buf_clear(&w->scratch);
	format_add(f, kind, v, &w->scratch);
	format_close(f);
	see(w, column,
	    bold(text_width(
		w->scratch.data ? w->scratch.data : "", w->scratch.len)));
}

/* Returns the width of the longest text that a code with names of months and
 * days can show for a date of one year, whatever dates later rows have. */
static int longest_date(const struct xlsx_widths *w, int column)
{
	struct buf b;
	int most = 0;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 12 * 7; i++) {
		char text[40];
		int n = snprintf(text, sizeof(text),
		    "2026-%02d-%02d 22:58:58.888888", i / 7 + 1, 22 + i % 7);

		buf_clear(&b);
		format_add(w->formats[column], KIND_TIMESTAMP,
		    &(struct value){text, n}, &b);
		n = text_width(b.data ? b.data : "", b.len);
		if (n > most)
			most = n;
	}
	buf_free(&b);
	return most;
}

bool xlsx_has_lines(enum column_kind kind)
{
	return !kind_is_number(kind) && kind != KIND_INTERVAL &&
	       kind != KIND_BOOLEAN && kind != KIND_DATE && kind != KIND_TIME &&
	       kind != KIND_TIMETZ && kind != KIND_TIMESTAMP &&
	       kind != KIND_TIMESTAMPTZ && kind != KIND_UUID;
}

double xlsx_width(const struct xlsx_widths *w, int column, bool more)
{
	const struct column_layout *l = &w->layout->columns[column];
	enum column_kind kind = w->schema->columns[column].kind;
	int n = w->seen[column], date;

	if (l->width > 0)
		return l->width < LIMIT ? l->width : LIMIT;
	if (more && (kind_is_number(kind) || kind == KIND_INTERVAL)) {
		n += l->total == TOTAL_SUM ? GROWTH + GROWTH_TOTAL : GROWTH;
	} else if (more && l->format != NULL && w->formats[column] != NULL &&
		   format_use(w->formats[column]) == FORMAT_DATES) {
		date = longest_date(w, column);
		n = n > date ? n : date;
	} else if (more && n < XLSX_LINE && l->format == NULL &&
		   xlsx_has_lines(kind)) {
		n += n / GROWTH_TEXT + 2;
		n = n < XLSX_LINE ? n : XLSX_LINE;
	}
	n += xlsx_side_of(w->layout, column).apart; /* the indent of the cell */
	return n < LEAST ? LEAST : n > LIMIT - 2 ? LIMIT : n + PADDING;
}

/* Characters on an A4 page between margins of 0.4 inches, at 7 pixels each and
 * 96 pixels an inch, less a reserve, as fonts differ. */
#define PORTRAIT 95.0
#define LANDSCAPE 138.0
#define SURE 120.0
/* The least scale in percent: smaller print is hard to read. */
#define SCALE_LEAST 50

void xlsx_page_set(struct xlsx_page *p, double table, double chart)
{
	double least = LANDSCAPE * 100 / SCALE_LEAST;
	/* Without the fit to a page, a wider font must not break the table. */
	int scale = table > SURE ? (int)(SURE * 100 / table) : 100;

	*p = (struct xlsx_page){.landscape = table + chart > PORTRAIT,
	    .fit = table + chart <= least,
	    .scale = scale > SCALE_LEAST ? scale : SCALE_LEAST};
	p->chart = chart > 0 && !p->fit;
}
