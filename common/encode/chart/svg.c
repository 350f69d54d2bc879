/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/utf8.h"
#include "encode/chart/data.h"

/* The element has text, not outlines of text, so that it can be searched and
 * read aloud, and takes the colour of the page's text. */
struct svg {
	struct chart_pen pen;
	struct buf *b;
};

static struct buf *out_of(struct chart_pen *pen)
{
	return ((struct svg *)pen)->b;
}

/* Appends a text. HTML does not allow control characters: each becomes a space
 * or U+FFFD; lines may be kept apart. */
static void add_text(struct buf *b, const char *s, bool breaks)
{
	const char *end = s + strlen(s);

	while (s < end) {
		const char *from = s;
		uint32_t c = utf8_next(&s, end);

		if (c < ' ')
			buf_char(b, c == '\n' && breaks ? '\n' : ' ');
		else if (utf8_is_control(c))
			buf_str(b, "\uFFFD");
		else if (c < 0x80)
			buf_markup(b, *from);
		else
			buf_add(b, from, (size_t)(s - from));
	}
}

static void add_points(struct buf *b, const double (*points)[2], int count)
{
	buf_str(b, " points=\"");
	for (int i = 0; i < count; i++)
		buf_printf(
		    b, "%s%.1f,%.1f", i ? " " : "", points[i][0], points[i][1]);
	buf_str(b, "\"");
}

static void svg_line(struct chart_pen *pen, const double (*points)[2],
    int count, const struct chart_stroke *s)
{
	struct buf *b = out_of(pen);
	const double *dash = chart_dashes[s->dash];

	buf_printf(b,
	    "<polyline fill=\"none\" stroke=\"#%06x\" stroke-width=\"%.1f\"",
	    (unsigned int)s->colour, s->width);
	if (s->dash != 0)
		buf_printf(b, " stroke-dasharray=\"%.1f %.1f\"",
		    dash[0] * s->width, dash[1] * s->width);
	add_points(b, points, count);
	buf_str(b, "/>\n");
}

static void svg_area(
    struct chart_pen *pen, const double (*points)[2], int count, int colour)
{
	struct buf *b = out_of(pen);

	buf_printf(b, "<polygon fill=\"#%06x\"", (unsigned int)colour);
	add_points(b, points, count);
	buf_str(b, "/>\n");
}

static void svg_text(struct chart_pen *pen, const struct chart_text *t)
{
	static const char *const anchors[] = {"start", "middle", "end"};
	struct buf *b = out_of(pen);

	buf_printf(b,
	    "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.0f\" "
	    "text-anchor=\"%s\"%s",
	    t->x, t->y, t->size, anchors[t->anchor],
	    t->bold ? " font-weight=\"bold\"" : "");
	if (t->slanted)
		buf_printf(
		    b, " transform=\"rotate(-45 %.1f %.1f)\"", t->x, t->y);
	buf_str(b, ">");
	add_text(b, t->text, false);
	buf_str(b, "</text>\n");
}

/* Draws an invisible shape with a title: browsers show the title of a shape when
 * the mouse is over it. */
static void svg_tip(struct chart_pen *pen, const double (*points)[2], int count,
    const char *text)
{
	struct buf *b = out_of(pen);

	buf_str(b, "<polygon class=\"tip\" fill-opacity=\"0\"");
	add_points(b, points, count);
	buf_str(b, "><title>");
	add_text(b, text, true);
	buf_str(b, "</title></polygon>\n");
}

int chart_svg(const struct chart_data *d, double width, double height,
    struct buf *out, struct err *e)
{
	struct svg svg = {.pen = {.line = svg_line,
			      .area = svg_area,
			      .text = svg_text,
			      .tip = svg_tip},
	    .b = out};

	buf_printf(out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
	    "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
	    "font-family=\"sans-serif\" fill=\"currentColor\"",
	    width, height, width, height);
	if (d->title != NULL) {
		buf_str(out, " aria-label=\"");
		add_text(out, d->title, false);
		buf_str(out, "\"");
	}
	buf_str(out, ">\n");
	chart_plot(d, width, height, &svg.pen);
	buf_str(out, "</svg>\n");
	return out->overflow ? err_set(e, ERR_PERMANENT, "a chart is too large")
			     : 0;
}
