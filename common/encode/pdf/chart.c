/* SPDX-License-Identifier: MIT */
#include "encode/pdf/chart.h"

#include <math.h>
#include <string.h>

#define GAP 1400
#define HEIGHT 22000
#define WIDTH_MAX 60000

struct pen {
	struct chart_pen base;
	struct pdf_pages *pages;
	int x, y; /* place of the chart on the page */
	struct pdf_flow flow;
	int rc;
	struct err *e;
};

static int hundredths(double points)
{
	return (int)lround(points * 100);
}

static void put(struct buf *b, int n)
{
	pdf_number(b, n);
	buf_char(b, ' ');
}

static void put_colour(struct buf *b, int colour, const char *operator)
{
	for (int shift = 16; shift >= 0; shift -= 8)
		put(b, (colour >> shift & 0xFF) * 100 / 255);
	buf_str(b, operator);
}

static void put_path(struct pen *p, const double (*points)[2], int count)
{
	struct buf *b = &p->pages->at->b;

	for (int i = 0; i < count; i++) {
		put(b, p->x + hundredths(points[i][0]));
		put(b, p->pages->page_height - p->y - hundredths(points[i][1]));
		buf_str(b, i ? "l\n" : "m\n");
	}
}

static void draw_line(struct chart_pen *pen, const double (*points)[2],
    int count, const struct chart_stroke *s)
{
	struct pen *p = (struct pen *)pen;
	struct buf *b = pdf_page_drawing(p->pages);
	const double *dash = chart_dashes[s->dash];

	buf_str(b, "q 1 j ");
	put_colour(b, s->colour, "RG ");
	put(b, hundredths(s->width));
	buf_str(b, "w\n");
	if (s->dash != 0) {
		buf_char(b, '[');
		put(b, hundredths(dash[0] * s->width));
		put(b, hundredths(dash[1] * s->width));
		buf_str(b, "]0 d\n");
	}
	put_path(p, points, count);
	buf_str(b, "S Q\n");
}

static void draw_area(
    struct chart_pen *pen, const double (*points)[2], int count, int colour)
{
	struct pen *p = (struct pen *)pen;
	struct buf *b = pdf_page_drawing(p->pages);

	put_colour(b, colour, "rg\n");
	put_path(p, points, count);
	buf_str(b, "f 0 g\n");
}

/* Turns the coordinates of the page by 45 degrees around a place, which becomes
 * their lower left corner. */
static void begin_slanted(struct pen *p, int at[3])
{
	struct buf *b = pdf_page_drawing(p->pages);

	buf_str(b, "q .7071 .7071 -.7071 .7071 ");
	put(b, at[0]);
	put(b, p->pages->page_height - at[1]);
	buf_str(b, "cm\n");
	at[0] = 0;
	at[1] = p->pages->page_height;
}

static void draw_text(struct chart_pen *pen, const struct chart_text *t)
{
	static const enum align aligns[] = {
	    ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT};
	struct pen *p = (struct pen *)pen;
	struct pdf_style style = {
	    t->bold ? PDF_BOLD : PDF_PLAIN, hundredths(t->size)};
	int at[3] = {p->x + hundredths(t->x), p->y + hundredths(t->y), 0};

	if (p->rc != 0)
		return;
	pdf_flow_begin(&p->flow, t->text, strlen(t->text));
	p->rc = pdf_text_fill(
	    p->pages->text, &p->flow, style, PDF_UNLIMITED, 1, p->e);
	if (p->rc != 0 || pdf_flow_ready(&p->flow) == 0)
		return;
	if (t->slanted)
		begin_slanted(p, at);
	pdf_page_show(p->pages, &p->flow, style, aligns[t->anchor], at);
	if (t->slanted)
		buf_str(pdf_page_drawing(p->pages), "Q\n");
}

int pdf_chart_draw(
    struct pdf_pages *pages, const struct chart_data *chart, struct err *e)
{
	struct pen p = {
	    .base = {.line = draw_line, .area = draw_area, .text = draw_text},
	    .pages = pages,
	    .e = e};
	int width = pages->page_width - 2 * pages->margin;
	int room = pages->bottom - pages->top;
	int height = HEIGHT < room ? HEIGHT : room;

	if (pages->y + GAP + height > pages->bottom) {
		if (pdf_pages_next(pages, e) != 0)
			return -1;
	} else {
		pages->y += GAP;
	}
	p.x = pages->margin;
	p.y = pages->y;
	width = width < WIDTH_MAX ? width : WIDTH_MAX;
	chart_plot(chart, width / 100.0, height / 100.0, &p.base);
	pages->y += height;
	pdf_flow_free(&p.flow);
	return p.rc != 0 ? err_wrap(e, "chart") : 0;
}
