/* SPDX-License-Identifier: MIT
 *
 *	cairotable CONNINFO SQL FILE
 *
 * The peer of the PDF encoder: a table on A4 pages as people write it with
 * cairo and pango, one layout a cell. The widths come from the first rows, long
 * text wraps, the header is repeated, numbers stand to the right.
 */
#include <cairo-pdf.h>
#include <libpq-fe.h>
#include <pango/pangocairo.h>
#include <stdlib.h>

#define WIDTH 841.89 /* A4, landscape */
#define HEIGHT 595.28
#define MARGIN 36.0
#define PADDING 3.0
#define SAMPLE 200
#define COLUMNS 64

struct table {
	cairo_t *cr;
	PangoLayout *layout;
	PangoFontDescription *plain, *bold;
	PGresult *sample[SAMPLE];
	int sampled, columns, pages;
	double width[COLUMNS], y;
	gboolean right[COLUMNS];
};

static void fail(const char *what)
{
	fprintf(stderr, "cairotable: %s\n", what);
	exit(1);
}

static double natural(struct table *t, const char *text)
{
	int width;

	pango_layout_set_width(t->layout, -1);
	pango_layout_set_text(t->layout, text, -1);
	pango_layout_get_size(t->layout, &width, NULL);
	return (double)width / PANGO_SCALE + 2 * PADDING;
}

static void draw_row(struct table *t, PGresult *r, gboolean header)
{
	double x = MARGIN, height = 0;

	for (int i = 0; i < t->columns; i++) {
		int h;

		pango_layout_set_width(t->layout,
		    (int)((t->width[i] - 2 * PADDING) * PANGO_SCALE));
		pango_layout_set_alignment(t->layout,
		    t->right[i] ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
		pango_layout_set_text(t->layout,
		    header ? PQfname(r, i) : PQgetvalue(r, 0, i), -1);
		cairo_move_to(t->cr, x + PADDING, t->y);
		pango_cairo_show_layout(t->cr, t->layout);
		pango_layout_get_size(t->layout, NULL, &h);
		height = MAX(height, (double)h / PANGO_SCALE);
		x += t->width[i];
	}
	t->y += height + PADDING;
}

static void page_end(struct table *t)
{
	char text[32];

	snprintf(text, sizeof(text), "Page %d", ++t->pages);
	pango_layout_set_width(t->layout, -1);
	pango_layout_set_text(t->layout, text, -1);
	cairo_move_to(t->cr, MARGIN, HEIGHT - MARGIN + 10);
	pango_cairo_show_layout(t->cr, t->layout);
	cairo_show_page(t->cr);
}

static void header(struct table *t, PGresult *r)
{
	pango_layout_set_font_description(t->layout, t->bold);
	t->y = MARGIN;
	draw_row(t, r, TRUE);
	pango_layout_set_font_description(t->layout, t->plain);
}

static void row(struct table *t, PGresult *r)
{
	if (t->y > HEIGHT - MARGIN - 12) {
		page_end(t);
		header(t, r);
	}
	draw_row(t, r, FALSE);
}

static void begin(struct table *t)
{
	double sum = 0, room = WIDTH - 2 * MARGIN;
	PGresult *first = t->sample[0];

	t->columns = PQnfields(first);
	if (t->columns > COLUMNS)
		fail("too many columns");
	for (int i = 0; i < t->columns; i++) {
		Oid type = PQftype(first, i);

		t->right[i] = type == 20 || type == 21 || type == 23 ||
			      type == 700 || type == 701 || type == 1700;
		pango_layout_set_font_description(t->layout, t->bold);
		t->width[i] = natural(t, PQfname(first, i));
		pango_layout_set_font_description(t->layout, t->plain);
		for (int k = 0; k < t->sampled; k++)
			t->width[i] = MAX(t->width[i],
			    natural(t, PQgetvalue(t->sample[k], 0, i)));
		sum += t->width[i];
	}
	for (int i = 0; i < t->columns; i++)
		t->width[i] *= room / sum;
	header(t, first);
	for (int k = 0; k < t->sampled; k++) {
		row(t, t->sample[k]);
		PQclear(t->sample[k]);
	}
}

static void rows(struct table *t, PGconn *conn)
{
	PGresult *r;
	gboolean begun = FALSE;

	while ((r = PQgetResult(conn)) != NULL) {
		if (PQresultStatus(r) == PGRES_SINGLE_TUPLE && !begun) {
			t->sample[t->sampled++] = r;
			if ((begun = t->sampled == SAMPLE))
				begin(t);
			continue;
		}
		if (PQresultStatus(r) == PGRES_SINGLE_TUPLE)
			row(t, r);
		else if (PQresultStatus(r) != PGRES_TUPLES_OK)
			fail(PQerrorMessage(conn));
		PQclear(r);
	}
	if (!begun && t->sampled > 0)
		begin(t);
}

int main(int argc, char **argv)
{
	struct table t = {0};
	cairo_surface_t *surface;
	PGconn *conn;

	if (argc != 4)
		fail("usage: cairotable CONNINFO SQL FILE");
	conn = PQconnectdb(argv[1]);
	if (PQstatus(conn) != CONNECTION_OK || !PQsendQuery(conn, argv[2]) ||
	    !PQsetSingleRowMode(conn))
		fail(PQerrorMessage(conn));
	surface = cairo_pdf_surface_create(argv[3], WIDTH, HEIGHT);
	t.cr = cairo_create(surface);
	t.layout = pango_cairo_create_layout(t.cr);
	pango_cairo_context_set_resolution(
	    pango_layout_get_context(t.layout), 72);
	t.plain = pango_font_description_from_string("DejaVu Sans 7");
	t.bold = pango_font_description_from_string("DejaVu Sans Bold 7");
	rows(&t, conn);
	page_end(&t);
	cairo_destroy(t.cr);
	cairo_surface_finish(surface);
	if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS)
		fail(cairo_status_to_string(cairo_surface_status(surface)));
	cairo_surface_destroy(surface);
	PQfinish(conn);
	return 0;
}
