/* SPDX-License-Identifier: MIT */
#include "encode/pdf/table.h"

#include <stdlib.h>
#include <string.h>

#define RULE_COLOUR 0x404040
#define HEADER_COLOUR 0xE4E8EE
#define RULE 50

static int pitch(const struct pdf_table *t)
{
	return t->size * 5 / 4;
}

/* Returns the sum of the space left and right of a cell's text. */
static int padding(const struct pdf_table *t)
{
	return t->size;
}

int pdf_table_line(const struct pdf_table *t)
{
	return pitch(t) + t->size / 4;
}

enum { HEADER, ROW };

/* Shows the next line of each column that has one left. */
static void show_line(struct pdf_table *t, const struct pdf_panel *columns,
    int which, struct pdf_style style, int y)
{
	for (int i = columns->from; i < columns->to; i++) {
		struct pdf_column *c = &t->columns[i];

		if (pdf_flow_ready(&c->flows[which]) == 0)
			continue;
		pdf_page_show(t->pages, &c->flows[which], style, c->align,
		    (const int[3]){
			c->x + padding(t) / 2, y, c->width - padding(t)});
	}
}

static void show_panel(struct pdf_table *t, const struct pdf_panel *panel,
    int which, const struct pdf_row_style *style, int lines)
{
	struct pdf_style text = {style->weight, t->size};
	struct pdf_pages *p = t->pages;
	int height = lines * pitch(t) + t->size / 4;
	int y = p->y + t->size / 8 + t->size;

	if (style->fill >= 0)
		pdf_page_rect(p, t->x, p->y, panel->width, height, style->fill);
	if (style->rule)
		pdf_page_rect(p, t->x, p->y, panel->width, RULE, RULE_COLOUR);
	for (int i = 0; i < lines; i++, y += pitch(t)) {
		show_line(
		    t, &(struct pdf_panel){0, t->repeated, 0}, which, text, y);
		show_line(t, panel, which, text, y);
	}
}

/* Shows this many lines of the row from the y of the page on, and moves y below
 * them. On each of the pages side by side, the repeated columns show the same
 * lines. */
static void show_block(struct pdf_table *t, int which,
    const struct pdf_row_style *style, int lines)
{
	for (int i = 0; i < t->repeated; i++)
		t->columns[i].shown = t->columns[i].flows[which].first;
	for (int k = 0; k < t->across; k++) {
		for (int i = 0; i < t->repeated; i++)
			t->columns[i].flows[which].first = t->columns[i].shown;
		if (t->across > 1)
			pdf_pages_select(t->pages, k);
		show_panel(t, &t->panels[k], which, style, lines);
	}
	if (t->across > 1)
		pdf_pages_select(t->pages, 0);
	t->pages->y += lines * pitch(t) + t->size / 4;
}

/* Makes up to `want` lines of the row, and sets *lines to their number. */
static int fill(struct pdf_table *t, int which, enum pdf_weight weight,
    int want, int *lines, struct err *e)
{
	struct pdf_style style = {weight, t->size};

	*lines = 0;
	for (int i = 0; i < t->count; i++) {
		struct pdf_column *c = &t->columns[i];
		int n;

		if (pdf_text_fill(t->pages->text, &c->flows[which], style,
			c->width - padding(t), want, e) != 0) {
			err_wrap(e, "column \"%s\"", c->label);
			return -1;
		}
		n = pdf_flow_ready(&c->flows[which]);
		if (n > *lines)
			*lines = n;
	}
	return 0;
}

/* Returns how many lines a page has. */
static int page_lines(const struct pdf_table *t)
{
	return (t->pages->bottom - t->pages->top) / pitch(t) + 1;
}

static int make_header(struct pdf_table *t, struct err *e)
{
	int most = page_lines(t) * 2 / 3 + 1;

	for (int i = 0; i < t->count; i++)
		pdf_flow_begin(&t->columns[i].flows[HEADER],
		    t->columns[i].label, strlen(t->columns[i].label));
	if (fill(t, HEADER, PDF_BOLD, most + 1, &t->header_lines, e) != 0) {
		err_wrap(e, "table header");
		return -1;
	}
	if (t->header_lines > most)
		return err_set(e, ERR_PERMANENT,
		    "PDF: the table's header takes more than %d lines, which "
		    "leaves no room for rows: shorten the labels in "
		    "\"columns\"",
		    most);
	return 0;
}

static int header(struct pdf_table *t, struct err *e)
{
	static const struct pdf_row_style style = {
	    PDF_BOLD, HEADER_COLOUR, false};

	if (make_header(t, e) != 0)
		return -1;
	show_block(t, HEADER, &style, t->header_lines);
	t->blank = true;
	return 0;
}

static int new_page(struct pdf_table *t, struct err *e)
{
	t->pages->across = t->across;
	t->pages->marks = t->marks;
	return pdf_pages_next(t->pages, e) != 0 ? -1 : header(t, e);
}

#define CONTINUED " (continued)"

/* Shows the next line of the heading on each of the pages side by side.
 * `room` is the width of all columns; `after` is shown after the line, NULL:
 * nothing. */
static void show_heading(struct pdf_table *t, struct pdf_flow *after, int room)
{
	struct pdf_style style = {PDF_BOLD, t->size};
	struct pdf_pages *p = t->pages;
	int x = t->x + padding(t) / 2, y = p->y + t->size;
	int first = t->title.first;

	for (int k = 0; k < t->across && pdf_flow_ready(&t->title) > 0; k++) {
		int width = t->title.lines[first].width;

		pdf_pages_select(p, k);
		pdf_page_show(p, &t->title, style, ALIGN_LEFT,
		    (const int[3]){x, y, room});
		if (after != NULL)
			pdf_page_show(p, after, style, ALIGN_LEFT,
			    (const int[3]){x + width, y, room});
		if (k + 1 < t->across)
			t->title.first = first;
		if (after != NULL && k + 1 < t->across)
			after->first = 0;
	}
	pdf_pages_select(p, 0);
}

/* Shows, on a page where a group continues, the first line of its heading and
 * "(continued)". */
static int heading_again(struct pdf_table *t, int room, struct err *e)
{
	struct pdf_style style = {PDF_BOLD, t->size};
	struct pdf_text *text = t->pages->text;
	int width;

	pdf_flow_begin(&t->again, CONTINUED, strlen(CONTINUED));
	if (pdf_text_fill(text, &t->again, style, PDF_UNLIMITED, 1, e) != 0)
		return -1;
	width = room - t->again.lines[0].width;
	if (pdf_text_fill(text, &t->title, style, width, 1, e) != 0)
		return -1;
	show_heading(t, &t->again, room);
	t->pages->y += pitch(t);
	return 0;
}

/* Shows the whole heading where a group begins, as the value stands nowhere
 * else. */
static int heading_whole(struct pdf_table *t, int room, struct err *e)
{
	struct pdf_style style = {PDF_BOLD, t->size};
	struct pdf_pages *p = t->pages;

	do {
		if (pdf_text_fill(p->text, &t->title, style, room, 1, e) != 0)
			return -1;
		if (p->y + pitch(t) > p->bottom && new_page(t, e) != 0)
			return -1;
		show_heading(t, NULL, room);
		p->y += pitch(t);
	} while (!pdf_flow_done(&t->title));
	return 0;
}

/* Shows the heading of the open group: all of it once, where the group
 * begins. */
static int heading(struct pdf_table *t, struct err *e)
{
	struct pdf_pages *p = t->pages;
	int room = p->page_width - 2 * p->margin - padding(t) / 2;
	bool first = t->opening;

	t->opening = false;
	if (t->group.len == 0)
		return 0;
	p->y += t->size / 2;
	pdf_flow_begin(&t->title, t->group.data, t->group.len);
	if ((first ? heading_whole(t, room, e) : heading_again(t, room, e)) !=
	    0)
		return err_wrap(e, "heading of a group");
	p->y += t->size / 4;
	return 0;
}

static int next_page(struct pdf_table *t, struct err *e)
{
	return new_page(t, e) != 0 ? -1 : heading(t, e);
}

void pdf_table_group(struct pdf_table *t)
{
	t->opening = true;
}

void pdf_table_end(struct pdf_table *t)
{
	t->pages->across = 1;
	t->pages->marks = NULL;
}

/* Returns how many lines fit above the bottom. */
static int room(const struct pdf_table *t)
{
	return (t->pages->bottom - t->pages->y - t->size / 4) / pitch(t);
}

static void begin_row(struct pdf_table *t, const struct value *texts)
{
	for (int i = 0; i < t->count; i++) {
		struct pdf_column *c = &t->columns[i];
		const struct value *v = &texts[c->index];

		pdf_flow_begin(
		    &c->flows[ROW], v->data, v->len > 0 ? (size_t)v->len : 0);
		c->flows[ROW].solid = c->solid;
	}
}

/* ---- the beginning ---- */

/* A row that fits on no page begins on a page with room for this many lines. */
#define BEGIN_LINES 4

/* Returns the height of the row's lines, or of BEGIN_LINES when the row fits on
 * no page. */
static int height_of(const struct pdf_table *t, int lines)
{
	if (lines < 1)
		lines = 1;
	else if (lines >= page_lines(t) - t->header_lines)
		lines = BEGIN_LINES;
	return lines * pitch(t) + t->size / 4;
}

/* Returns the height of a heading in one line. */
static int heading_height(const struct pdf_table *t)
{
	return pitch(t) + t->size;
}

/* Makes the lines of the header and of the first row, and sets *lines to those
 * of the row. */
static int make_first(
    struct pdf_table *t, const struct value *first, int *lines, struct err *e)
{
	if (make_header(t, e) != 0)
		return -1;
	if (first == NULL)
		return 0;
	begin_row(t, first);
	return fill(t, ROW, PDF_PLAIN, page_lines(t), lines, e);
}

int pdf_table_need(struct pdf_table *t, const struct value *first, bool grouped,
    int *need, struct err *e)
{
	struct pdf_text *text = t->pages->text;
	struct pdf_replaced before = pdf_text_replaced(text);
	int lines = 0, rc = make_first(t, first, &lines, e);

	pdf_text_set_replaced(text, before);
	*need = t->header_lines * pitch(t) + t->size / 4 + height_of(t, lines) +
		(grouped ? heading_height(t) : 0);
	return rc;
}

int pdf_table_begin(struct pdf_table *t, struct err *e)
{
	struct pdf_pages *p = t->pages;
	int need;

	buf_clear(&t->group);
	if (p->open != t->across)
		return new_page(t, e);
	if (pdf_table_need(t, NULL, false, &need, e) != 0)
		return -1;
	if (p->y + need + (BEGIN_LINES - 1) * pitch(t) > p->bottom)
		return new_page(t, e);
	return header(t, e);
}

/* Shows the heading of a group that begins with a row of this many lines, on a
 * page that has room for both. */
static int open_group(struct pdf_table *t, int lines, struct err *e)
{
	struct pdf_pages *p = t->pages;
	int rows = height_of(t, lines), least = 3 * pdf_table_line(t);

	if (!t->opening)
		return 0;
	rows = rows > least ? rows : least;
	if (!t->blank && p->y + heading_height(t) + rows > p->bottom)
		return next_page(t, e);
	return heading(t, e);
}

/* ---- rows ---- */

/* Returns the width that a column needs for a value that was broken in it; 0:
 * none was, or it would be broken in any case. */
static int64_t missing(
    const struct pdf_table *t, const struct pdf_column *c, int room)
{
	int64_t wide = c->flows[ROW].wide;

	wide = wide * t->full_size / t->size;
	if (wide <= c->word)
		return 0;
	if (c->solid)
		return wide <= 2 * t->widest ? wide : 0;
	return c->fixed || c->word > PDF_LONG_WORD(room) ? 0 : wide;
}

/* Widens columns in which numbers or words were broken, where possible. Returns
 * whether a column became wider. */
static bool widen(struct pdf_table *t)
{
	struct pdf_pages *p = t->pages;
	int room = p->page_width - 2 * p->margin;
	bool wider = false;

	for (int i = 0; i < t->count; i++) {
		struct pdf_column *c = &t->columns[i];
		int64_t wide = missing(t, c, room);

		if (wide == 0)
			continue;
		c->fixed = false;
		c->reserve = 0;
		pdf_column_measured(t, c, (int)wide, (int)wide);
		wider = true;
	}
	if (wider)
		pdf_table_fit(t, room);
	return wider;
}

/* Makes the first lines of the row, as many as a page has. When columns become
 * wider for it, it begins a page. */
static int begin_lines(struct pdf_table *t, const struct value *texts,
    enum pdf_weight weight, int *lines, struct err *e)
{
	begin_row(t, texts);
	if (fill(t, ROW, weight, page_lines(t), lines, e) != 0)
		return -1;
	if (!widen(t))
		return 0;
	if (next_page(t, e) != 0)
		return -1;
	begin_row(t, texts);
	return fill(t, ROW, weight, page_lines(t), lines, e);
}

/* Returns how many lines of the row the page takes; 0: the row goes onto the
 * next page. A page without any row takes at least one line. */
static int lines_here(const struct pdf_table *t, int lines)
{
	int fit = room(t);

	if (lines > fit && !t->blank &&
	    (lines < page_lines(t) - t->header_lines || fit < BEGIN_LINES))
		return 0;
	return fit < 1 ? 1 : fit < lines ? fit : lines;
}

int pdf_table_row(struct pdf_table *t, const struct value *texts,
    const struct pdf_row_style *style, struct err *e)
{
	struct pdf_row_style s = *style;
	int lines, here;

	if (begin_lines(t, texts, s.weight, &lines, e) != 0 ||
	    open_group(t, lines, e) != 0)
		return -1;
	for (;;) {
		lines = lines ? lines : 1;
		here = lines_here(t, lines);
		if (here > 0) {
			show_block(t, ROW, &s, here);
			t->blank = s.rule = false;
		}
		if (here == lines)
			break;
		if (next_page(t, e) != 0 ||
		    fill(t, ROW, s.weight, page_lines(t), &lines, e) != 0)
			return -1;
	}
	return t->across > 1 ? pdf_pages_check(t->pages, e) : 0;
}

void pdf_table_free(struct pdf_table *t)
{
	for (int i = 0; i < t->count; i++) {
		pdf_flow_free(&t->columns[i].flows[HEADER]);
		pdf_flow_free(&t->columns[i].flows[ROW]);
	}
	free(t->columns);
	buf_free(&t->group);
	pdf_flow_free(&t->title);
	pdf_flow_free(&t->again);
	pdf_table_unfit(t);
	*t = (struct pdf_table){0};
}
