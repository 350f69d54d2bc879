/* SPDX-License-Identifier: MIT */
#include "encode/pdf_table.h"

#include <stdlib.h>
#include <string.h>

#define RULE_COLOUR 0x404040
#define HEADER_COLOUR 0xE4E8EE
#define RULE 50
/* A label that needs more lines is cut. */
#define HEADER_LINES 6
/* A table is stretched to the page when it is this part of it: 2/3. */
#define STRETCH(room) ((room) / 3 * 2)

static int pitch(const struct pdf_table *t)
{
	return t->size * 5 / 4;
}

int pdf_table_padding(const struct pdf_table *t)
{
	return t->size;
}

int pdf_table_line(const struct pdf_table *t)
{
	return pitch(t) + t->size / 4;
}

int pdf_table_natural(const struct pdf_table *t)
{
	int sum = 0;

	for (int i = 0; i < t->count; i++)
		sum += t->columns[i].natural + pdf_table_padding(t);
	return sum;
}

/* As wide as it likes, but no wider than `cap` unless it needs to be. */
static int capped(const struct pdf_column *c, int cap)
{
	int width = c->natural < cap ? c->natural : cap;

	return c->fixed || width < c->least ? c->least : width;
}

static int64_t sum_capped(const struct pdf_table *t, int cap)
{
	int64_t sum = 0;

	for (int i = 0; i < t->count; i++)
		sum += capped(&t->columns[i], cap);
	return sum;
}

/* All in the same ratio; of one that is too wide or not wide enough. */
static void scale(struct pdf_table *t, int room)
{
	int64_t sum = 0, done = 0;

	for (int i = 0; i < t->count; i++)
		sum += t->columns[i].width;
	for (int i = 0; sum > 0 && i < t->count; i++) {
		struct pdf_column *c = &t->columns[i];
		int64_t begin = done * room / sum;

		done += c->width;
		c->width = (int)(done * room / sum - begin);
	}
}

/* Wide columns are cut down to one cap, so that narrow ones need not wrap. */
void pdf_table_widths(struct pdf_table *t, int room)
{
	int padding = pdf_table_padding(t), text = room - t->count * padding;
	int low = 0, high = room, sum = 0, x = t->pages->margin;

	while (low < high) {
		int cap = low + (high - low + 1) / 2;

		if (sum_capped(t, cap) <= text)
			low = cap;
		else
			high = cap - 1;
	}
	for (int i = 0; i < t->count; i++) {
		struct pdf_column *c = &t->columns[i];

		c->width = capped(c, low) + padding;
		sum += c->width;
	}
	if (sum > room || sum >= STRETCH(room))
		scale(t, room);
	for (int i = 0; i < t->count; i++) {
		t->columns[i].x = x;
		x += t->columns[i].width;
	}
}

static int total_width(const struct pdf_table *t)
{
	const struct pdf_column *last = &t->columns[t->count - 1];

	return t->count ? last->x + last->width - t->columns[0].x : 0;
}

enum { HEADER, ROW };

/* One line of every cell that has one left. */
static void show_line(
    struct pdf_table *t, int which, struct pdf_style style, int y)
{
	int padding = pdf_table_padding(t);

	for (int i = 0; i < t->count; i++) {
		struct pdf_column *c = &t->columns[i];

		if (pdf_flow_ready(&c->flows[which]) == 0)
			continue;
		pdf_page_show(t->pages, &c->flows[which], style, c->align,
		    (const int[3]){c->x + padding / 2, y, c->width - padding});
	}
}

/* So many lines of the row at the page's y, which moves below. */
static void show_block(struct pdf_table *t, int which,
    const struct pdf_row_style *style, int lines)
{
	struct pdf_pages *p = t->pages;
	int height = lines * pitch(t) + t->size / 4;
	int x = t->count ? t->columns[0].x : p->margin;

	if (style->fill >= 0)
		pdf_page_rect(p, x, p->y, total_width(t), height, style->fill);
	if (style->rule)
		pdf_page_rect(p, x, p->y, total_width(t), RULE, RULE_COLOUR);
	for (int i = 0; i < lines; i++)
		show_line(t, which, (struct pdf_style){style->weight, t->size},
		    p->y + t->size / 8 + i * pitch(t) + t->size);
	p->y += height;
}

/* How many lines the row has that were made: at most `want`. */
static int fill(struct pdf_table *t, int which, enum pdf_weight weight,
    int want, int *lines, struct err *e)
{
	struct pdf_style style = {weight, t->size};
	int padding = pdf_table_padding(t);

	*lines = 0;
	for (int i = 0; i < t->count; i++) {
		struct pdf_column *c = &t->columns[i];
		int n;

		if (pdf_text_fill(t->pages->text, &c->flows[which], style,
			c->width - padding, want, e) != 0) {
			err_wrap(e, "column \"%s\"", c->label);
			return -1;
		}
		n = pdf_flow_ready(&c->flows[which]);
		if (n > *lines)
			*lines = n;
	}
	return 0;
}

static int header(struct pdf_table *t, struct err *e)
{
	static const struct pdf_row_style style = {
	    PDF_BOLD, HEADER_COLOUR, false};
	int lines;

	for (int i = 0; i < t->count; i++)
		pdf_flow_begin(&t->columns[i].flows[HEADER],
		    t->columns[i].label, strlen(t->columns[i].label));
	if (fill(t, HEADER, PDF_BOLD, HEADER_LINES, &lines, e) != 0) {
		err_wrap(e, "table header");
		return -1;
	}
	if (lines > HEADER_LINES)
		lines = HEADER_LINES;
	show_block(t, HEADER, &style, lines);
	return 0;
}

static int new_page(struct pdf_table *t, struct err *e)
{
	return pdf_pages_next(t->pages, e) != 0 ? -1 : header(t, e);
}

/* The group's value is nowhere else: where the group begins, all of its heading
 * is shown; on each further page, the first line of it. */
static int heading(struct pdf_table *t, bool first, struct err *e)
{
	struct pdf_style style = {PDF_BOLD, t->size};
	struct pdf_pages *p = t->pages;
	int indent = pdf_table_padding(t) / 2;
	int room = p->page_width - 2 * p->margin - indent;
	int x = (t->count ? t->columns[0].x : p->margin) + indent;

	if (t->group.len == 0)
		return 0;
	p->y += t->size / 2;
	pdf_flow_begin(&t->title, t->group.data, t->group.len);
	do {
		if (pdf_text_fill(p->text, &t->title, style, room, 1, e) != 0)
			return err_wrap(e, "heading of a group");
		if (p->y + pitch(t) > p->bottom && new_page(t, e) != 0)
			return -1;
		if (pdf_flow_ready(&t->title) > 0)
			pdf_page_show(p, &t->title, style, ALIGN_LEFT,
			    (const int[3]){x, p->y + t->size, room});
		p->y += pitch(t);
	} while (first && !pdf_flow_done(&t->title));
	p->y += t->size / 4;
	return 0;
}

static int next_page(struct pdf_table *t, struct err *e)
{
	return new_page(t, e) != 0 ? -1 : heading(t, false, e);
}

int pdf_table_begin(struct pdf_table *t, struct err *e)
{
	buf_clear(&t->group);
	if (t->pages->y + 5 * pdf_table_line(t) > t->pages->bottom)
		return next_page(t, e);
	return header(t, e);
}

int pdf_table_group(struct pdf_table *t, struct err *e)
{
	if (t->pages->y + 4 * pdf_table_line(t) > t->pages->bottom &&
	    new_page(t, e) != 0)
		return -1;
	return heading(t, true, e);
}

/* Lines that fit above the bottom. */
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

/* A row that fits on no page begins where there is room for this much. */
#define BEGIN_LINES 4

int pdf_table_row(struct pdf_table *t, const struct value *texts,
    const struct pdf_row_style *style, struct err *e)
{
	struct pdf_row_style s = *style;
	int page = (t->pages->bottom - t->pages->top) / pitch(t) + 1;
	bool fresh = false;
	int lines, fit;

	begin_row(t, texts);
	do {
		if (fill(t, ROW, s.weight, page, &lines, e) != 0)
			return -1;
		lines = lines ? lines : 1;
		fit = room(t);
		if (lines > fit && !fresh &&
		    (lines < page - HEADER_LINES || fit < BEGIN_LINES))
			fit = 0;
		else if (fit < 1)
			fit = 1; /* of a page that has room for nothing */
		if (fit > 0) {
			show_block(t, ROW, &s, lines < fit ? lines : fit);
			s.rule = false;
		}
		fresh = true;
	} while (lines > fit && next_page(t, e) == 0);
	return lines > fit ? -1 : 0;
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
	*t = (struct pdf_table){0};
}
