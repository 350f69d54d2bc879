/* SPDX-License-Identifier: MIT */
#include "encode/pdf/section.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/chart/chart.h"
#include "encode/pdf/chart.h"
#include "encode/pdf/group.h"
#include "encode/pdf/sample.h"
#include "encode/pdf/table.h"
#include "encode/table/cell.h"
#include "encode/table/total.h"

#define HEADING_MAX ((size_t)3 << 30)
#define TITLE_SIZE 1600
#define HEADING_SIZE 1200
#define GAP 1400
#define ZEBRA_COLOUR 0xF4F6F9
#define TOTAL_COLOUR 0xE4E8EE

struct pdf_section {
	struct pdf_section_options o;
	char *name; /* name of the section, or NULL */
	const struct schema *schema;
	struct cells *cells;
	struct pdf_table table;
	struct pdf_sample sample;
	bool begun; /* the sample has been written to the pages */
	bool zebra;
	int64_t rows; /* rows written to the pages */
	int64_t in_group;

	struct pdf_group group;
	struct totals *totals, *group_totals;

	struct chart_option chart;
	struct chart_data *chart_data;
};

static void find_group(struct pdf_section *s)
{
	const char *name = json_str(s->o.options, "group_by", NULL);

	s->group.column = -1;
	for (int i = 0; name != NULL && i < s->schema->count; i++) {
		if (strcmp(s->schema->columns[i].name, name) != 0)
			continue;
		s->group.column = i;
		s->group.kind = s->schema->columns[i].kind;
		s->group.label = s->o.layout->columns[i].label;
	}
	pdf_group_open(&s->group);
}

static bool is_solid(enum column_kind kind)
{
	return kind != KIND_TEXT && kind != KIND_JSON && kind != KIND_ARRAY &&
	       kind != KIND_OTHER && kind != KIND_BYTES;
}

/* Adds all columns but the one of the groups, whose value stands in the
 * headings. */
static int add_columns(struct pdf_section *s, struct err *e)
{
	const struct layout *layout = s->o.layout;
	struct pdf_style style = {PDF_BOLD, s->o.size};
	int digit, word;

	digit = pdf_text_measure(s->o.pages->text, "0", 1,
	    (struct pdf_style){PDF_PLAIN, s->o.size}, &word, e);
	if (digit < 0)
		return -1;
	s->table.columns =
	    mem_zalloc((size_t)(layout->count + 1) * sizeof(*s->table.columns));
	for (int i = 0; i < layout->count; i++) {
		const struct column_layout *l = &layout->columns[i];
		struct pdf_column *c = &s->table.columns[s->table.count];

		if (i == s->group.column)
			continue;
		s->table.count++;
		c->index = i;
		c->label = l->label;
		c->align = l->align;
		c->solid = is_solid(s->schema->columns[i].kind);
		c->fixed = l->width > 0;
		c->label_natural = pdf_text_measure(s->o.pages->text, l->label,
		    strlen(l->label), style, &c->label_word, e);
		if (c->label_natural < 0)
			return err_wrap(e, "column name \"%s\"", l->label);
		if (c->fixed)
			c->natural = (int)(l->width * digit);
	}
	return 0;
}

struct pdf_section *pdf_section_open(
    const struct pdf_section_options *options, struct err *e)
{
	struct pdf_section *s = mem_zalloc(sizeof(*s));
	const struct layout *layout = options->layout;

	s->o = *options;
	s->o.section = NULL; /* not valid after encoder_begin */
	s->name = mem_strdup(options->section->name);
	s->schema = options->section->schema;
	s->zebra = json_bool(s->o.options, "zebra", true);
	s->table.pages = s->o.pages;
	s->table.size = s->table.full_size = s->o.size;
	s->table.widest = s->o.paper[1] - 2 * s->o.pages->margin;
	s->table.repeat = (int)json_int(s->o.options, "repeat_columns", 1);
	buf_init(&s->table.group, HEADING_MAX);
	pdf_sample_open(&s->sample, s->schema->count);
	find_group(s);
	if (add_columns(s, e) != 0)
		goto failed;
	s->cells = cells_open(
	    layout, s->schema, json_str(s->o.options, "null", ""), e);
	if (s->cells == NULL)
		goto failed;
	if (layout->totals) {
		s->totals = totals_open(layout, s->schema);
		if (s->group.column >= 0)
			s->group_totals = totals_open(layout, s->schema);
	}
	switch (chart_open(&s->chart, s->o.options, options->section, e)) {
	case -1:
		goto failed;
	case 1:
		s->chart_data = chart_data_open(&s->chart, s->schema, layout);
	}
	return s;
failed:
	pdf_section_free(s);
	return NULL;
}

bool pdf_section_grouped(const struct pdf_section *s)
{
	return s->group.column >= 0;
}

int64_t pdf_section_left_out(const struct pdf_section *s)
{
	return chart_data_left_out(s->chart_data);
}

void pdf_section_remark(const struct pdf_section *s, struct buf *remark)
{
	totals_remark(s->totals, remark);
	chart_data_remark(s->chart_data, remark);
}

int64_t pdf_section_again(const struct pdf_section *s)
{
	return s->group.again;
}

void pdf_section_free(struct pdf_section *s)
{
	if (s == NULL)
		return;
	pdf_table_free(&s->table);
	cells_free(s->cells);
	totals_free(s->totals);
	totals_free(s->group_totals);
	chart_data_free(s->chart_data);
	chart_close(&s->chart);
	pdf_group_close(&s->group);
	pdf_sample_free(&s->sample);
	free(s->name);
	free(s);
}

/* ---- groups and totals ---- */

#define SUBTOTAL "Subtotal"

/* Returns the texts of the totals by column. The label stands in the first
 * column without a total, or else before the total of the first column. NULL on
 * error. */
static const struct value *totals_texts(struct pdf_section *s,
    const struct totals *t, const char *label, struct err *e)
{
	const struct column_layout *columns = s->o.layout->columns;
	struct cells_label l = {label, -1};

	for (int i = s->table.count - 1; i >= 0; i--) {
		int column = s->table.columns[i].index;

		if (i == 0 && l.column < 0)
			l.column = column;
		else if (columns[column].total == TOTAL_NONE)
			l.column = column;
	}
	return cells_totals(s->cells, t, &l, e);
}

static int totals_line(struct pdf_section *s, const struct totals *t,
    const char *label, struct err *e)
{
	static const struct pdf_row_style style = {
	    PDF_BOLD, TOTAL_COLOUR, true};
	const struct value *texts = totals_texts(s, t, label, e);

	if (texts == NULL || pdf_table_row(&s->table, texts, &style, e) != 0)
		return err_wrap(e, "totals");
	return 0;
}

static int end_group(struct pdf_section *s, struct err *e)
{
	if (s->group_totals == NULL)
		return 0;
	totals_merge(s->totals, s->group_totals);
	if (totals_line(s, s->group_totals, SUBTOTAL, e) != 0)
		return -1;
	totals_clear(s->group_totals);
	return 0;
}

static int change_group(struct pdf_section *s, const struct value *v,
    const struct value *text, struct err *e)
{
	bool in = s->group.in;
	struct buf heading;

	if (pdf_group_has(&s->group, v))
		return 0;
	buf_init(&heading, HEADING_MAX);
	pdf_group_begin(&s->group, v, text, &heading);
	/* A page that begins with the subtotals still has the heading of the
	 * old group. */
	if (in && end_group(s, e) != 0) {
		buf_free(&heading);
		return -1;
	}
	buf_free(&s->table.group);
	s->table.group = heading;
	s->in_group = 0;
	pdf_table_group(&s->table);
	return 0;
}

static int show_row(
    struct pdf_section *s, const struct value *row, struct err *e)
{
	const struct value *texts = cells_row(s->cells, row, e);
	struct pdf_row_style style = {PDF_PLAIN, -1, false};

	if (texts == NULL)
		return -1;
	s->rows++;
	if (s->group.column >= 0) {
		if (change_group(s, &row[s->group.column],
			&texts[s->group.column], e) != 0)
			return -1;
		texts = cells_row(s->cells, row, e);
	}
	if (s->zebra && s->in_group++ % 2 != 0)
		style.fill = ZEBRA_COLOUR;
	if (s->totals != NULL)
		totals_row(s->group_totals ? s->group_totals : s->totals, row);
	if (s->chart_data != NULL && chart_data_row(s->chart_data, row, e) != 0)
		return -1;
	if (texts == NULL || pdf_table_row(&s->table, texts, &style, e) != 0)
		return err_wrap(e, "row %" PRId64, s->rows);
	return 0;
}

/* ---- the beginning ---- */

/* Returns whether the page is landscape: when it is asked for, or when the
 * columns do not fit in portrait. */
static bool lies(const struct pdf_section *s)
{
	const char *orientation = json_str(s->o.options, "orientation", "auto");

	if (strcmp(orientation, "auto") == 0)
		return pdf_table_natural(&s->table) >
		       s->o.paper[0] - 2 * s->o.pages->margin;
	return strcmp(orientation, "landscape") == 0;
}

/* Returns whether the open page has room for the headings and the beginning of
 * the table; `first` is the first row, NULL: there is none. -1 on error. */
static int goes_on(
    struct pdf_section *s, const struct value *first, struct err *e)
{
	struct pdf_pages *p = s->o.pages;
	struct pdf_table *t = &s->table;
	const struct value *texts = NULL;
	int need, least = 6 * pdf_table_line(t);

	if (p->open != 1 || t->across != 1 || p->width != p->page_width)
		return 0;
	if (first != NULL && (texts = cells_row(s->cells, first, e)) == NULL)
		return -1;
	if (pdf_table_need(t, texts, s->group.column >= 0, &need, e) != 0)
		return -1;
	need = need > least ? need : least;
	return p->y + GAP + HEADING_SIZE * 2 + need < p->bottom;
}

static int begin_page(
    struct pdf_section *s, const struct value *first, struct err *e)
{
	struct pdf_pages *p = s->o.pages;
	struct pdf_table *t = &s->table;
	bool landscape = lies(s);
	int stays;

	p->width = s->o.paper[landscape];
	p->height = s->o.paper[!landscape];
	pdf_table_fit(t, p->width - 2 * p->margin);
	p->across = t->across;
	p->marks = t->marks;
	stays = goes_on(s, first, e);
	if (stays > 0)
		p->y += GAP;
	else if (stays < 0 || pdf_pages_next(p, e) != 0)
		return -1;
	if (s->o.title != NULL) {
		if (pdf_pages_paragraph(p, s->o.title,
			(struct pdf_style){PDF_BOLD, TITLE_SIZE}, e) != 0)
			return err_wrap(e, "title");
		p->y += TITLE_SIZE / 2;
	}
	if (s->name != NULL) {
		if (pdf_pages_paragraph(p, s->name,
			(struct pdf_style){PDF_BOLD, HEADING_SIZE}, e) != 0)
			return err_wrap(e, "section name");
		p->y += HEADING_SIZE / 2;
	}
	return pdf_table_begin(t, e);
}

static int measure_cell(struct pdf_section *s, struct pdf_column *c,
    const struct value *v, enum pdf_weight weight, struct err *e)
{
	struct pdf_style style = {weight, s->o.size};
	int width, word;

	if ((c->fixed && !c->solid) || v->len <= 0)
		return 0;
	width = pdf_text_measure(
	    s->o.pages->text, v->data, (size_t)v->len, style, &word, e);
	if (width < 0)
		return err_wrap(e, "column \"%s\"", c->label);
	/* A number must have room, whatever width was asked for. */
	if (c->fixed && width * PDF_SQUEEZE / 100 < c->natural)
		return 0;
	c->fixed = false;
	pdf_column_measured(&s->table, c, width, word);
	return 0;
}

static int measure_row(
    struct pdf_section *s, const struct value *row, struct err *e)
{
	const struct value *texts = cells_row(s->cells, row, e);

	for (int i = 0; texts != NULL && i < s->table.count; i++) {
		struct pdf_column *c = &s->table.columns[i];

		if (measure_cell(s, c, &texts[c->index], PDF_PLAIN, e) != 0)
			return -1;
	}
	return texts ? 0 : -1;
}

/* Measures the totals of the sample alone. */
static int measure_totals(struct pdf_section *s, struct err *e)
{
	const struct value *texts = totals_texts(s, s->totals, SUBTOTAL, e);

	for (int i = 0; texts != NULL && i < s->table.count; i++) {
		struct pdf_column *c = &s->table.columns[i];

		if (measure_cell(s, c, &texts[c->index], PDF_BOLD, e) != 0)
			return -1;
	}
	totals_clear(s->totals);
	return texts ? 0 : -1;
}

/* Reserves room for more digits where only the first rows were measured: later
 * numbers and their sums may be longer. */
static int reserve(struct pdf_section *s, struct err *e)
{
	int digit, word;

	digit = pdf_text_measure(s->o.pages->text, "0", 1,
	    (struct pdf_style){PDF_PLAIN, s->o.size}, &word, e);
	for (int i = 0; i < s->table.count; i++) {
		struct pdf_column *c = &s->table.columns[i];
		enum column_kind kind = s->schema->columns[c->index].kind;
		enum total total = s->o.layout->columns[c->index].total;

		if (!c->fixed && (kind == KIND_INTEGER || kind == KIND_DECIMAL))
			c->reserve = digit * (total == TOTAL_SUM ? 5 : 2);
	}
	return digit < 0 ? -1 : 0;
}

/* Begins the table with the sample. `more`: further rows will come. */
static int begin(struct pdf_section *s, bool more, struct err *e)
{
	struct value *row =
	    mem_alloc((size_t)(s->schema->count + 1) * sizeof(*row));
	int rc = 0;

	s->begun = true;
	for (int i = 0; rc == 0 && i < s->sample.rows; i++) {
		pdf_sample_row(&s->sample, i, row);
		rc = measure_row(s, row, e);
		if (rc != 0)
			err_wrap(e, "row %d", i + 1);
		else if (s->totals != NULL)
			totals_row(s->totals, row);
	}
	if (rc == 0 && s->totals != NULL)
		rc = measure_totals(s, e);
	if (rc == 0 && more)
		rc = reserve(s, e);
	if (s->sample.rows > 0)
		pdf_sample_row(&s->sample, 0, row);
	if (rc == 0)
		rc = begin_page(s, s->sample.rows > 0 ? row : NULL, e);
	for (int i = 0; rc == 0 && i < s->sample.rows; i++) {
		pdf_sample_row(&s->sample, i, row);
		rc = show_row(s, row, e);
	}
	free(row);
	pdf_sample_free(&s->sample);
	return rc;
}

static int keep(struct pdf_section *s, const struct value *row, struct err *e)
{
	int full = pdf_sample_add(&s->sample, row, e);

	return full > 0 ? begin(s, true, e) : full;
}

int pdf_section_rows(
    struct pdf_section *s, const struct batch *batch, struct err *e)
{
	const struct value *row = batch->values;

	for (int i = 0; i < batch->rows; i++, row += s->schema->count) {
		if ((s->begun ? show_row(s, row, e) : keep(s, row, e)) != 0)
			return -1;
	}
	return 0;
}

/* ---- the end ---- */

static int remark(struct pdf_section *s, const char *note, struct err *e)
{
	char count[64] = "";
	char *text;
	int rc;

	if (note == NULL && s->rows > 0)
		return 0;
	snprintf(count, sizeof(count), "%" PRId64 " row%s", s->rows,
	    s->rows == 1 ? "" : "s");
	text = mem_printf("%s%s%s", count, note ? ": " : "", note ? note : "");
	s->o.pages->y += s->o.size / 2;
	rc = pdf_pages_paragraph(
	    s->o.pages, text, (struct pdf_style){PDF_PLAIN, s->o.size}, e);
	free(text);
	return rc;
}

int pdf_section_end(struct pdf_section *s, const char *note, struct err *e)
{
	if ((!s->begun && begin(s, false, e) != 0) ||
	    (s->group.in && end_group(s, e) != 0))
		return -1;
	buf_clear(&s->table.group);
	if (s->totals != NULL && totals_line(s, s->totals, "Total", e) != 0)
		return -1;
	pdf_table_end(&s->table);
	if (remark(s, note, e) != 0)
		return -1;
	if (s->chart_data != NULL)
		return pdf_chart_draw(s->o.pages, s->chart_data, e);
	return 0;
}
