/* SPDX-License-Identifier: MIT */
#include "encode/xlsx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/chart.h"
#include "encode/total.h"
#include "encode/xlsx_cell.h"
#include "encode/xlsx_chart.h"
#include "encode/xlsx_part.h"
#include "encode/xlsx_style.h"
#include "encode/zip.h"

/* A piece for the compressor: both of them stay in the cache. */
#define CHUNK ((size_t)256 << 10)
#define BUF_MAX ((size_t)1 << 30)
/* Column widths come from so many rows, or from less when they are large. */
#define SAMPLE_ROWS 200
#define WIDTH_LEAST 6
#define WIDTH_MOST 60
#define WIDTH_LIMIT 255 /* Excel's */

static const struct xlsx_limits excel = {
    .rows = 1048576,
    /* What stands around the rows has room in the rest. */
    .bytes = ZIP_PART_MAX - (2u << 20),
};

struct xlsx {
	struct encoder base;
	struct xlsx_limits limits;
	struct report_info info;
	bool autofilter;
	struct zip *zip;
	struct xlsx_styles styles;
	struct xlsx_book book;
	struct buf rows;    /* of the sheet, not yet in the archive */
	struct buf part;    /* anything else on the way there */
	struct buf scratch; /* one value */
	int64_t cut;        /* cells */
	char remark[128];

	/* The section. */
	char *name;
	const struct schema *schema;
	struct xlsx_column *columns;
	int *widths; /* in characters, as far as was seen */
	struct totals *totals;
	struct chart_option chart;
	bool has_chart;
	bool sampling; /* the head of its first sheet is still to be written */
	bool continued;

	/* The sheet. */
	uint32_t row;   /* the last one written */
	uint64_t bytes; /* in the archive, before packing */
};

struct encoder *xlsx_open_limited(const struct encoder_options *o,
    const struct xlsx_limits *limits, struct err *e)
{
	static const struct report_info nobody = {"", "", "", 0, 0, ""};
	struct xlsx *x = mem_zalloc(sizeof(*x));

	x->limits = *limits;
	x->info = o->info ? *o->info : nobody;
	x->autofilter = json_bool(o->options, "autofilter", true);
	x->zip = zip_open(o->sink);
	xlsx_styles_init(&x->styles);
	buf_init(&x->rows, BUF_MAX);
	buf_init(&x->part, BUF_MAX);
	buf_init(&x->scratch, BUF_MAX);
	/* In front, where file(1) looks for something to know a workbook by. */
	xlsx_root_rels(&x->part);
	if (zip_part(x->zip, "_rels/.rels", &x->part, e) == 0) {
		xlsx_core(&x->part, &x->info);
		if (zip_part(x->zip, "docProps/core.xml", &x->part, e) == 0)
			return &x->base;
	}
	encoder_xlsx.free(&x->base);
	return NULL;
}

static struct encoder *xlsx_open(const struct encoder_options *o, struct err *e)
{
	return xlsx_open_limited(o, &excel, e);
}

static int put_part(
    struct xlsx *x, const char *format, int number, struct err *e)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%d.xml%s", format, number,
	    strstr(format, "_rels") ? ".rels" : "");
	return zip_part(x->zip, name, &x->part, e);
}

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

static void open_column(struct xlsx *x, int i)
{
	const struct column *c = &x->schema->columns[i];
	const struct column_layout *l = &x->base.layout.columns[i];
	const char *code = l->format ? l->format : xlsx_code(c, false);
	const char *fraction = l->format ? l->format : xlsx_code(c, true);

	xlsx_column_init(&x->columns[i], i, c->kind,
	    xlsx_style(&x->styles, code, l->align, XLSX_BODY),
	    xlsx_style(&x->styles, fraction, l->align, XLSX_BODY));
}

/* ---- one sheet ---- */

static int give(struct xlsx *x, struct buf *b, struct err *e)
{
	x->bytes += b->len;
	return zip_add(x->zip, b, e);
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

static int sheet_begin(struct xlsx *x, struct err *e)
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
	if (zip_begin(x->zip, part, e) != 0 ||
	    (!x->sampling && put_head(x, e) != 0))
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
 * stands alone.
 */
static void add_total(struct xlsx *x, const struct xlsx_row *row, int i)
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

	known = totals_text(x->totals, i, &x->scratch, &kind);
	v = (struct value){x->scratch.data, (int32_t)x->scratch.len};
	n = known ? xlsx_number(number, kind, &v, &fraction) : 0;
	if (x->row > 2 && (n > 0 || !known) &&
	    (l->total == TOTAL_COUNT || !x->columns[i].strays)) {
		buf_printf(&x->rows,
		    "<c r=\"%s%u\" s=\"%d\"><f>SUBTOTAL(%d,%s2:%s%u)</f>",
		    letters, x->row, style, functions[l->total], letters,
		    letters, x->row - 1);
		if (n > 0)
			buf_printf(&x->rows, "<v>%.*s</v>", n, number);
		buf_str(&x->rows, "</c>");
	} else if (known) {
		xlsx_column_init(&c, i, kind, style, style);
		xlsx_cell(&x->rows, &c, row, &v);
	}
}

static void add_totals(struct xlsx *x)
{
	const struct layout *l = &x->base.layout;
	struct xlsx_row row;

	begin_row(x, &row);
	for (int i = 0; i < l->count; i++) {
		if (l->columns[i].total != TOTAL_NONE)
			add_total(x, &row, i);
		else
			add_text(x, &row, i,
			    i > 0          ? ""
			    : x->continued ? "Total of this sheet"
					   : "Total",
			    XLSX_TOTAL);
	}
	buf_str(&x->rows, "</row>");
}

/* ---- the end of a sheet ---- */

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

static int sheet_end(struct xlsx *x, struct err *e)
{
	struct xlsx_sheet *sheet = &x->book.sheets[x->book.count - 1];
	uint32_t last = x->row;

	sheet->chart = x->has_chart && last > 1;
	if (x->totals != NULL)
		add_totals(x);
	add_tail(x, sheet, last);
	if (end_sample(x, e) != 0 || give(x, &x->rows, e) != 0 ||
	    zip_end(x->zip, e) != 0)
		return -1;
	return sheet->chart ? put_chart(x, last, e) : 0;
}

static int next_sheet(struct xlsx *x, struct err *e)
{
	x->continued = true;
	return sheet_end(x, e) == 0 ? sheet_begin(x, e) : -1;
}

/* ---- the encoder ---- */

static int xlsx_begin(
    struct encoder *enc, const struct section *section, struct err *e)
{
	struct xlsx *x = (struct xlsx *)enc;
	int count = section->schema->count;
	int chart;

	if (count > XLSX_COLUMNS)
		return err_set(e, ERR_PERMANENT,
		    "a sheet has %d columns at most, not %d", XLSX_COLUMNS,
		    count);
	chart = chart_open(&x->chart, enc->options, section, e);
	if (chart < 0)
		return -1;
	x->has_chart = chart > 0;
	x->name = mem_strdup(section->name ? section->name : x->info.title);
	x->schema = section->schema;
	x->columns = mem_zalloc((size_t)count * sizeof(*x->columns) + 1);
	x->widths = mem_zalloc((size_t)count * sizeof(*x->widths) + 1);
	for (int i = 0; i < count; i++)
		open_column(x, i);
	if (enc->layout.totals)
		x->totals = totals_open(&enc->layout, x->schema);
	x->sampling = true;
	x->continued = false;
	return sheet_begin(x, e);
}

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

	if (x->row + (x->totals != NULL) >= x->limits.rows) {
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

static int xlsx_rows(struct encoder *enc, const struct batch *b, struct err *e)
{
	struct xlsx *x = (struct xlsx *)enc;
	const struct value *v = b->values;

	for (int i = 0; i < b->rows; i++, v += x->schema->count) {
		if (put_row(x, v, e) != 0 || flush(x, e) != 0)
			return -1;
	}
	return 0;
}

static void close_section(struct xlsx *x)
{
	totals_free(x->totals);
	x->totals = NULL;
	chart_close(&x->chart);
	x->chart = (struct chart_option){0};
	free(x->columns);
	free(x->widths);
	free(x->name);
	x->columns = NULL;
	x->widths = NULL;
	x->name = NULL;
}

static int xlsx_end(struct encoder *enc, struct err *e)
{
	struct xlsx *x = (struct xlsx *)enc;

	if (sheet_end(x, e) != 0)
		return -1;
	close_section(x);
	return 0;
}

/* A workbook without a sheet is none. */
static int empty_sheet(struct xlsx *x, struct err *e)
{
	static const struct schema nothing;

	x->schema = &nothing;
	x->sampling = true;
	x->has_chart = false;
	return sheet_begin(x, e) == 0 ? sheet_end(x, e) : -1;
}

static int xlsx_finish(struct encoder *enc, struct err *e)
{
	struct xlsx *x = (struct xlsx *)enc;

	if (x->book.count == 0 && empty_sheet(x, e) != 0)
		return -1;
	xlsx_workbook(&x->part, &x->book);
	if (zip_part(x->zip, "xl/workbook.xml", &x->part, e) != 0)
		return -1;
	xlsx_workbook_rels(&x->part, &x->book);
	if (zip_part(x->zip, "xl/_rels/workbook.xml.rels", &x->part, e) != 0)
		return -1;
	xlsx_styles_xml(&x->styles, &x->part);
	if (zip_part(x->zip, "xl/styles.xml", &x->part, e) != 0)
		return -1;
	xlsx_app(&x->part);
	if (zip_part(x->zip, "docProps/app.xml", &x->part, e) != 0)
		return -1;
	xlsx_content_types(&x->part, &x->book);
	if (zip_part(x->zip, "[Content_Types].xml", &x->part, e) != 0)
		return -1;
	return zip_finish(x->zip, e);
}

static const char *xlsx_remark(struct encoder *enc)
{
	struct xlsx *x = (struct xlsx *)enc;

	if (x->cut == 0)
		return NULL;
	snprintf(x->remark, sizeof(x->remark),
	    "%lld %s cut at 32,767 characters, which is all that Excel takes",
	    (long long)x->cut, x->cut == 1 ? "cell was" : "cells were");
	return x->remark;
}

static void xlsx_free(struct encoder *enc)
{
	struct xlsx *x = (struct xlsx *)enc;

	close_section(x);
	zip_free(x->zip);
	xlsx_styles_free(&x->styles);
	xlsx_book_free(&x->book);
	buf_free(&x->rows);
	buf_free(&x->part);
	buf_free(&x->scratch);
	free(x);
}

static const struct encoder_option xlsx_options[] = {
    LAYOUT_OPTIONS,
    CHART_OPTION,
    {"autofilter", JSON_TRUE, NULL,
	"buttons in the header that filter and sort; default true", NULL},
    COMMON_OPTIONS,
    {NULL, JSON_NULL, NULL, NULL, NULL},
};

const struct encoder_type encoder_xlsx = {
    .name = "XLSX",
    .alias = "EXCEL",
    .extension = "xlsx",
    .media_type =
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    .options = xlsx_options,
    .open = xlsx_open,
    .begin = xlsx_begin,
    .rows = xlsx_rows,
    .end = xlsx_end,
    .finish = xlsx_finish,
    .free = xlsx_free,
    .remark = xlsx_remark,
};
