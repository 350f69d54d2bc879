/* SPDX-License-Identifier: MIT */
#include "encode/xlsx_sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/xlsx_chart.h"

/* A piece for the compressor, which is still in the cache then. */
#define CHUNK ((size_t)256 << 10)
/* Column widths come from so many rows, or from less when they are large. */
#define SAMPLE_ROWS 200
#define WIDTH_LEAST 6
#define WIDTH_MOST 60
#define WIDTH_LIMIT 255 /* Excel's */

/* ---- columns ---- */

/* In characters; those of East Asia count two. */
static int text_width(const char *s, size_t len)
{
	int n = 0;

	for (size_t i = 0; i < len && n < WIDTH_MOST; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '\n')
			break;
		n += ((c & 0xC0) != 0x80) + (c >= 0xE3);
	}
	return n;
}

static int value_width(const struct xlsx *x, int column, const struct value *v)
{
	int n = text_width(v->data, v->len > 0 ? (size_t)v->len : 0);

	switch (x->schema->columns[column].kind) {
	case KIND_INTEGER:
	case KIND_DECIMAL:
	case KIND_FLOAT: /* thousands separators, a sign of currency */
		return x->base.layout.columns[column].format ? n + n / 3 + 1
							     : n;
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

static void measure(struct xlsx *x, const struct value *row)
{
	for (int i = 0; i < x->schema->count; i++) {
		int n = value_width(x, i, &row[i]);

		if (n > x->widths[i])
			x->widths[i] = n;
	}
}

/* ---- one sheet ---- */

static int give(struct xlsx *x, struct buf *b, struct err *e)
{
	x->bytes += b->len;
	if (zip_add(x->zip, b, e) != 0)
		return -1;
	/* A huge row's memory goes back, an ordinary one's is kept. */
	if (b->cap > 8 * CHUNK)
		buf_free(b);
	return 0;
}

static void add_widths(struct xlsx *x, struct buf *b)
{
	if (x->schema->count == 0)
		return;
	buf_str(b, "<cols>");
	for (int i = 0; i < x->schema->count; i++) {
		double width = x->base.layout.columns[i].width;

		if (width <= 0)
			width = x->widths[i] < WIDTH_LEAST ? WIDTH_LEAST
							   : x->widths[i] + 1.7;
		if (width > WIDTH_LIMIT)
			width = WIDTH_LIMIT;
		buf_printf(b,
		    "<col min=\"%d\" max=\"%d\" width=\"%.2f\" "
		    "customWidth=\"1\"/>",
		    i + 1, i + 1, width);
	}
	buf_str(b, "</cols>");
}

static int put_head(struct xlsx *x, struct err *e)
{
	struct buf *b = &x->part;

	buf_printf(b,
	    XLSX_XML "<worksheet xmlns=\"" XLSX_MAIN
		     "\" xmlns:r=\"" XLSX_DOCUMENT
		     "\"><sheetViews><sheetView %sworkbookViewId=\"0\">"
		     "<pane ySplit=\"1\" topLeftCell=\"A2\" "
		     "activePane=\"bottomLeft\" state=\"frozen\"/>"
		     "<selection pane=\"bottomLeft\" activeCell=\"A2\" "
		     "sqref=\"A2\"/></sheetView></sheetViews>"
		     "<sheetFormatPr defaultRowHeight=\"15\"/>",
	    x->book.count == 1 ? "tabSelected=\"1\" " : "");
	add_widths(x, b);
	buf_str(b, "<sheetData>");
	return give(x, b, e);
}

static void begin_row(struct xlsx *x, struct xlsx_row *row)
{
	xlsx_row_set(row, ++x->row);
	buf_str(&x->rows, "<row r=\"");
	buf_add(&x->rows, row->digits, (size_t)row->len);
	buf_str(&x->rows, "\">");
}

static void add_text(struct xlsx *x, const struct xlsx_row *row, int column,
    const char *text, enum xlsx_role role)
{
	struct value v = {text, (int32_t)strlen(text)};
	struct xlsx_column c;
	int style = xlsx_style(
	    &x->styles, "General", x->base.layout.columns[column].align, role);

	xlsx_column_init(&c, column, KIND_TEXT, style, style);
	x->cut += xlsx_cell(&x->rows, &c, row, &v);
}

/* A time without its zone says too little, unless somebody chose the words. */
static char *label_of(const struct xlsx *x, int i)
{
	const struct column *c = &x->schema->columns[i];
	const char *label = x->base.layout.columns[i].label;

	if (c->kind == KIND_TIMESTAMPTZ && *x->info.time_zone != '\0' &&
	    strcmp(label, c->name) == 0)
		return mem_printf("%s (%s)", label, x->info.time_zone);
	return mem_strdup(label);
}

static void add_header(struct xlsx *x)
{
	struct xlsx_row row;

	begin_row(x, &row);
	for (int i = 0; i < x->schema->count; i++) {
		char *label = label_of(x, i);
		/* The filter's button stands beside it. */
		int width = text_width(label, strlen(label)) + 2;

		add_text(x, &row, i, label, XLSX_HEADER);
		if (width > x->widths[i])
			x->widths[i] = width;
		free(label);
	}
	buf_str(&x->rows, "</row>");
}

int xlsx_sheet_begin(struct xlsx *x, struct err *e)
{
	char part[64];

	xlsx_book_add(&x->book, x->name);
	snprintf(
	    part, sizeof(part), "xl/worksheets/sheet%d.xml", x->book.count);
	x->row = 0;
	x->bytes = 0;
	for (int i = 0; i < x->schema->count; i++)
		x->columns[i].strays = false;
	if (x->totals != NULL)
		totals_clear(x->totals);
	zip_begin(x->zip, part);
	if (!x->sampling && put_head(x, e) != 0)
		return -1;
	add_header(x);
	return 0;
}

static int end_sample(struct xlsx *x, struct err *e)
{
	if (!x->sampling)
		return 0;
	x->sampling = false;
	return put_head(x, e);
}

/* ---- totals ---- */

/* The format of a total: that of its column, but for a count, and for an average
 * of integers. */
static const char *total_code(const struct xlsx *x, int i)
{
	const struct column_layout *l = &x->base.layout.columns[i];
	const struct column *c = &x->schema->columns[i];

	if (l->total == TOTAL_COUNT)
		return "0";
	if (l->format != NULL)
		return l->format;
	return l->total == TOTAL_AVG && c->kind == KIND_INTEGER
		   ? "0.00"
		   : xlsx_code(c, false);
}

/*
 * A formula with its result, for programs that do not compute; it follows the
 * filter. Cells that had to be text would be missing in it: then the result
 * stands alone, and so does that of several sheets.
 */
static void add_total(
    struct xlsx *x, const struct totals *t, const struct xlsx_row *row, int i)
{
	static const int functions[] = {[TOTAL_SUM] = 109,
	    [TOTAL_AVG] = 101,
	    [TOTAL_COUNT] = 103,
	    [TOTAL_MIN] = 105,
	    [TOTAL_MAX] = 104};
	const struct column_layout *l = &x->base.layout.columns[i];
	int style =
	    xlsx_style(&x->styles, total_code(x, i), l->align, XLSX_TOTAL);
	char room[8], number[XLSX_NUMBER_MAX];
	const char *letters = xlsx_letters(room, i);
	enum column_kind kind = KIND_TEXT;
	struct xlsx_column c;
	bool fraction, known;
	struct value v;
	int n;

	known = totals_text(t, i, &x->scratch, &kind);
	v = (struct value){x->scratch.data, (int32_t)x->scratch.len};
	n = known ? xlsx_number(number, kind, &v, &fraction) : 0;
	if (t == x->totals && x->row > 2 && (n > 0 || !known) &&
	    (l->total == TOTAL_COUNT || !x->columns[i].strays)) {
		buf_printf(&x->rows,
		    "<c r=\"%s%u\" s=\"%d\"><f>SUBTOTAL(%d,%s2:%s%u)</f>",
		    letters, x->row, style, functions[l->total], letters,
		    letters, x->row - 1);
		x->book.formulas = true;
		if (n > 0)
			buf_printf(&x->rows, "<v>%.*s</v>", n, number);
		buf_str(&x->rows, "</c>");
	} else if (known) {
		xlsx_column_init(&c, i, kind, style, style);
		xlsx_cell(&x->rows, &c, row, &v);
	}
}

static void add_totals(
    struct xlsx *x, const struct totals *t, const char *label)
{
	const struct layout *l = &x->base.layout;
	int blank = xlsx_style(&x->styles, "General", ALIGN_LEFT, XLSX_TOTAL);
	struct xlsx_row row;
	char room[8];

	begin_row(x, &row);
	for (int i = 0; i < l->count; i++) {
		if (l->columns[i].total != TOTAL_NONE) {
			add_total(x, t, &row, i);
		} else if (label != NULL) {
			add_text(x, &row, i, label, XLSX_TOTAL);
			label = NULL;
		} else {
			buf_printf(&x->rows, "<c r=\"%s%u\" s=\"%d\"/>",
			    xlsx_letters(room, i), x->row, blank);
		}
	}
	buf_str(&x->rows, "</row>");
}

/* Of the sheet and, on the last one of several, of all. */
static void add_all_totals(struct xlsx *x)
{
	if (x->totals == NULL)
		return;
	add_totals(
	    x, x->totals, x->continued ? "Total of this sheet" : "Total");
	if (!x->continued)
		return;
	totals_merge(x->all_totals, x->totals);
	if (x->last)
		add_totals(x, x->all_totals, "Total of all sheets");
}

/* How many rows these take. */
static uint32_t total_rows(const struct xlsx *x)
{
	return x->totals == NULL ? 0 : x->continued ? 2 : 1;
}

/* ---- the end of a sheet ---- */

/* Below the table, unless the sheet is full: the run says it, too. */
static void add_note(struct xlsx *x)
{
	struct value v = {x->base.note, (int32_t)strlen(x->base.note)};
	struct xlsx_column c;
	struct xlsx_row row;

	if (x->row >= x->limits.rows)
		return;
	begin_row(x, &row);
	xlsx_column_init(&c, 0, KIND_TEXT, 0, 0);
	xlsx_cell(&x->rows, &c, &row, &v);
	buf_str(&x->rows, "</row>");
}

/* The corner in front of "Number stored as text" is no news. */
static void add_ignored(struct xlsx *x, struct buf *b, uint32_t last)
{
	bool any = false;

	for (int i = 0; i < x->schema->count && last > 1; i++) {
		char room[8];
		const char *letters = xlsx_letters(room, i);

		if (!x->columns[i].strays)
			continue;
		buf_printf(b, "%s%s2:%s%u",
		    any ? " " : "<ignoredErrors><ignoredError sqref=\"",
		    letters, letters, last);
		any = true;
	}
	if (any)
		buf_str(b, "\" numberStoredAsText=\"1\"/></ignoredErrors>");
}

static void add_tail(struct xlsx *x, struct xlsx_sheet *sheet, uint32_t last)
{
	struct buf *b = &x->rows;
	int columns = x->schema->count;
	char room[8];

	buf_str(b, "</sheetData>");
	if (x->autofilter && columns > 0) {
		const char *letters = xlsx_letters(room, columns - 1);

		buf_printf(b, "<autoFilter ref=\"A1:%s%u\"/>", letters, last);
		snprintf(sheet->filter, sizeof(sheet->filter), "$A$1:$%s$%u",
		    letters, last);
	}
	buf_str(b, "<pageMargins left=\"0.7\" right=\"0.7\" top=\"0.75\" "
		   "bottom=\"0.75\" header=\"0.3\" footer=\"0.3\"/>");
	add_ignored(x, b, last);
	if (sheet->chart)
		buf_str(b, "<drawing r:id=\"rId1\"/>");
	buf_str(b, "</worksheet>");
}

static int put_part(struct xlsx *x, const char *stem, int number, struct err *e)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%d.xml%s", stem, number,
	    strstr(stem, "_rels") ? ".rels" : "");
	return zip_part(x->zip, name, &x->part, e);
}

static int put_chart(struct xlsx *x, uint32_t last, struct err *e)
{
	int n = x->book.count;

	xlsx_sheet_rels(&x->part, n);
	if (put_part(x, "xl/worksheets/_rels/sheet", n, e) != 0)
		return -1;
	xlsx_drawing(&x->part, x->schema->count);
	if (put_part(x, "xl/drawings/drawing", n, e) != 0)
		return -1;
	xlsx_drawing_rels(&x->part, n);
	if (put_part(x, "xl/drawings/_rels/drawing", n, e) != 0)
		return -1;
	xlsx_chart(&x->part, &x->chart, &x->base.layout,
	    x->book.sheets[n - 1].name, last);
	return put_part(x, "xl/charts/chart", n, e);
}

int xlsx_sheet_end(struct xlsx *x, struct err *e)
{
	struct xlsx_sheet *sheet = &x->book.sheets[x->book.count - 1];
	uint32_t last = x->row;

	sheet->chart = x->has_chart && last > 1;
	add_all_totals(x);
	if (x->base.note != NULL)
		add_note(x);
	add_tail(x, sheet, last);
	if (end_sample(x, e) != 0 || give(x, &x->rows, e) != 0 ||
	    zip_end(x->zip, e) != 0)
		return -1;
	return sheet->chart ? put_chart(x, last, e) : 0;
}

static int next_sheet(struct xlsx *x, struct err *e)
{
	x->continued = true;
	return xlsx_sheet_end(x, e) == 0 ? xlsx_sheet_begin(x, e) : -1;
}

/* ---- rows ---- */

static void add_row(struct xlsx *x, const struct value *v)
{
	struct xlsx_row row;

	begin_row(x, &row);
	for (int i = 0; i < x->schema->count; i++)
		x->cut += xlsx_cell(&x->rows, &x->columns[i], &row, &v[i]);
	buf_str(&x->rows, "</row>");
}

/* A row that would make the sheet too large goes to the next one. */
static int put_row(struct xlsx *x, const struct value *v, struct err *e)
{
	size_t before = x->rows.len;
	int64_t cut = x->cut;

	if (x->row + total_rows(x) >= x->limits.rows) {
		if (next_sheet(x, e) != 0)
			return -1;
		before = x->rows.len;
	}
	add_row(x, v);
	if (x->bytes + x->rows.len > x->limits.bytes && x->row > 2) {
		x->rows.len = before;
		x->row--;
		x->cut = cut;
		if (next_sheet(x, e) != 0)
			return -1;
		add_row(x, v);
	}
	if (x->totals != NULL)
		totals_row(x->totals, v);
	if (x->sampling)
		measure(x, v);
	return 0;
}

static int flush(struct xlsx *x, struct err *e)
{
	if (x->rows.len < CHUNK && x->row < SAMPLE_ROWS && x->sampling &&
	    !x->rows.overflow)
		return 0;
	if (end_sample(x, e) != 0)
		return -1;
	if (x->rows.len < CHUNK && !x->rows.overflow)
		return 0;
	return give(x, &x->rows, e);
}

int xlsx_sheet_row(struct xlsx *x, const struct value *row, struct err *e)
{
	return put_row(x, row, e) == 0 ? flush(x, e) : -1;
}
