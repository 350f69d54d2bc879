/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/xlsx/print.h"
#include "rows/number.h"

/* Bytes handed to the compressor at once, few enough to be still in the
 * cache. */
#define CHUNK ((size_t)256 << 10)
/* Column widths come from this many rows, or from fewer when rows are large. */
#define SAMPLE_ROWS 1000
#define LINE_HEIGHT 15 /* points */

/* ---- one sheet ---- */

static int give(struct xlsx *x, struct buf *b, struct err *e)
{
	x->bytes += b->len;
	if (zip_add(x->zip, b, e) != 0)
		return -1;
	/* The memory of a huge row is freed, that of an ordinary row kept. */
	if (b->cap > 8 * CHUNK)
		buf_free(b);
	return 0;
}

/* The width of the chart beside the table, in characters, with a column between
 * the two. */
#define CHART_CHARACTERS 100

static void add_widths(struct xlsx *x, struct buf *b)
{
	double total = 0;

	if (x->schema->count > 0)
		buf_str(b, "<cols>");
	for (int i = 0; i < x->schema->count; i++) {
		double width = xlsx_width(&x->widths, i, x->more);

		if (xlsx_has_lines(x->schema->columns[i].kind))
			xlsx_column_wrap(&x->columns[i], (int)width,
			    x->base.layout.columns[i].width == 0 &&
				width < XLSX_LINE);
		total += width;
		buf_printf(b,
		    "<col min=\"%d\" max=\"%d\" width=\"%.2f\" "
		    "customWidth=\"1\"/>",
		    i + 1, i + 1, width);
	}
	if (x->schema->count > 0)
		buf_str(b, "</cols>");
	xlsx_page_set(&x->page, total, x->has_chart ? CHART_CHARACTERS : 0);
}

static int put_head(struct xlsx *x, struct err *e)
{
	struct buf *b = &x->part, cols;
	int rc;

	buf_init(&cols, b->max);
	add_widths(x, &cols);
	buf_printf(b,
	    XLSX_XML "<worksheet xmlns=\"" XLSX_MAIN
		     "\" xmlns:r=\"" XLSX_DOCUMENT
		     "\"><sheetPr><pageSetUpPr fitToPage=\"%d\"/></sheetPr>"
		     "<sheetViews><sheetView %sworkbookViewId=\"0\">"
		     "<pane ySplit=\"1\" topLeftCell=\"A2\" "
		     "activePane=\"bottomLeft\" state=\"frozen\"/>"
		     "<selection pane=\"bottomLeft\" activeCell=\"A2\" "
		     "sqref=\"A2\"/></sheetView></sheetViews>"
		     "<sheetFormatPr defaultRowHeight=\"15\"/>",
	    x->page.fit, x->book.count == 1 ? "tabSelected=\"1\" " : "");
	buf_add(b, cols.data ? cols.data : "", cols.len);
	buf_str(b, "<sheetData>");
	rc = give(x, b, e);
	buf_free(&cols);
	return rc;
}

/* Writes the height of a row, as programs other than Excel do not compute
 * it. */
static void set_height(struct xlsx *x, size_t at, const struct xlsx_row *row)
{
	char height[16];
	size_t len = (size_t)snprintf(
	    height, sizeof(height), " ht=\"%d\"", row->lines * LINE_HEIGHT);
	size_t behind = x->rows.len - at;

	if (buf_reserve(&x->rows, len) == NULL)
		return;
	memmove(x->rows.data + at + len, x->rows.data + at, behind);
	memcpy(x->rows.data + at, height, len);
	x->rows.len += len;
}

void xlsx_sheet_row_begin(struct xlsx *x, struct xlsx_row *row)
{
	xlsx_row_set(row, ++x->row);
	buf_str(&x->rows, "<row r=\"");
	buf_add(&x->rows, row->digits, (size_t)row->len);
	buf_str(&x->rows, "\">");
}

void xlsx_sheet_cell(struct xlsx *x, struct xlsx_row *row, int column,
    const struct xlsx_rule *rule, int style, const struct value *v)
{
	struct xlsx_look look = {style, style, style, NULL};
	struct xlsx_column c;

	xlsx_column_init(&c, column, rule, &look);
	xlsx_cell(&x->rows, &c, row, v, &x->strings, &x->losses);
}

void xlsx_sheet_text(struct xlsx *x, struct xlsx_row *row, int column,
    const char *text, enum xlsx_role role)
{
	struct xlsx_side side = {ALIGN_LEFT, false};
	int style;

	if (role != XLSX_BODY)
		side = xlsx_side_of(&x->base.layout, column);
	style = xlsx_style(&x->styles, XLSX_GENERAL, side, role);
	xlsx_sheet_cell(x, row, column, &(struct xlsx_rule){.kind = KIND_TEXT},
	    style, &(struct value){text, (int32_t)strlen(text)});
}

/* Returns the label of a column; the caller frees it. A time is unclear without
 * its zone, so the zone is added unless the options set the label. */
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

	xlsx_sheet_row_begin(x, &row);
	for (int i = 0; i < x->schema->count; i++) {
		char *label = label_of(x, i);

		xlsx_sheet_text(x, &row, i, label,
		    x->autofilter ? XLSX_BUTTON : XLSX_HEADER);
		xlsx_widths_header(&x->widths, i, label, x->autofilter);
		free(label);
	}
	buf_str(&x->rows, "</row>");
}

/* Sets the height of the header, which is the first row of the buffer, once the
 * widths are known. */
static void set_header_height(struct xlsx *x)
{
	struct xlsx_row row;

	xlsx_row_set(&row, 1);
	for (int i = 0; i < x->schema->count; i++) {
		char *label = label_of(x, i);
		int room = xlsx_header_room(
		    xlsx_width(&x->widths, i, x->more), x->autofilter);
		int lines = xlsx_count_lines(label, strlen(label), room);

		row.lines = lines > row.lines ? lines : row.lines;
		free(label);
	}
	if (row.lines > 1)
		set_height(x, strlen("<row r=\"1\""), &row);
}

int xlsx_sheet_begin(struct xlsx *x, struct err *e)
{
	char part[64];

	xlsx_book_add(&x->book, x->name);
	snprintf(
	    part, sizeof(part), "xl/worksheets/sheet%d.xml", x->book.count);
	x->row = 0;
	x->bytes = 0;
	xlsx_points_begin(&x->points);
	for (int i = 0; i < x->schema->count; i++)
		x->columns[i].strays = false;
	if (x->totals != NULL)
		totals_clear(x->totals);
	zip_begin(x->zip, part);
	if (!x->sampling && put_head(x, e) != 0)
		return -1;
	add_header(x);
	if (!x->sampling)
		set_header_height(x);
	return 0;
}

static int end_sample(struct xlsx *x, bool more, struct err *e)
{
	if (!x->sampling)
		return 0;
	x->sampling = false;
	x->more = more;
	set_header_height(x);
	return put_head(x, e);
}

/* ---- the end of a sheet ---- */

/* Appends the note below the table, unless the sheet is full: the remark of the
 * run has it too. */
static void add_note(struct xlsx *x)
{
	struct xlsx_row row;

	if (x->row >= x->limits.rows)
		return;
	xlsx_sheet_row_begin(x, &row);
	xlsx_sheet_text(x, &row, 0, x->base.note, XLSX_BODY);
	buf_str(&x->rows, "</row>");
}

/* Turns off the mark "Number stored as text" for cells of columns where numbers
 * had to be text. */
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
	xlsx_print(b, &(struct xlsx_print){&x->page, x->info.title, x->section,
			  x->schema->count});
	add_ignored(x, b, last);
	if (sheet->chart)
		buf_str(b, "<drawing r:id=\"rId1\"/>");
	buf_str(b, "</worksheet>");
}

int xlsx_sheet_end(struct xlsx *x, struct err *e)
{
	int number = x->book.count;
	struct xlsx_sheet *sheet = &x->book.sheets[number - 1];
	uint32_t last = x->row;

	sheet->chart = x->has_chart && last > 1;
	xlsx_sheet_totals(x);
	if (x->base.note != NULL)
		add_note(x);
	if (end_sample(x, !x->last, e) != 0)
		return -1;
	add_tail(x, sheet, last);
	if (give(x, &x->rows, e) != 0 || zip_end(x->zip, e) != 0)
		return -1;
	return sheet->chart ? xlsx_sheet_chart(x, number, last, e) : 0;
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
	size_t at;

	xlsx_sheet_row_begin(x, &row);
	at = x->rows.len - 1;
	for (int i = 0; i < x->schema->count; i++)
		xlsx_cell(&x->rows, &x->columns[i], &row, &v[i], &x->strings,
		    &x->losses);
	if (row.lines > 1)
		set_height(x, at, &row);
	buf_str(&x->rows, "</row>");
}

/* Writes a row. A row that would make the sheet too large goes to the next
 * sheet. */
static int put_row(struct xlsx *x, const struct value *v, struct err *e)
{
	size_t before = x->rows.len;
	struct xlsx_losses losses = x->losses;

	if (x->row + xlsx_total_rows(x) >= x->limits.rows) {
		if (next_sheet(x, e) != 0)
			return -1;
		before = x->rows.len;
	}
	add_row(x, v);
	if (x->bytes + x->rows.len > x->limits.bytes && x->row > 2) {
		x->rows.len = before;
		x->row--;
		x->losses = losses;
		if (next_sheet(x, e) != 0)
			return -1;
		add_row(x, v);
	}
	if (x->totals != NULL)
		totals_row(x->totals, v);
	if (x->has_chart)
		xlsx_points_row(&x->points, &x->chart, x->schema, v);
	if (x->sampling)
		xlsx_widths_row(&x->widths, v);
	return 0;
}

static int flush(struct xlsx *x, struct err *e)
{
	if (x->rows.len < CHUNK && x->row < SAMPLE_ROWS && x->sampling &&
	    !x->rows.overflow)
		return 0;
	if (end_sample(x, true, e) != 0)
		return -1;
	if (x->rows.len < CHUNK && !x->rows.overflow)
		return 0;
	return give(x, &x->rows, e);
}

int xlsx_sheet_row(struct xlsx *x, const struct value *row, struct err *e)
{
	return put_row(x, row, e) == 0 ? flush(x, e) : -1;
}
