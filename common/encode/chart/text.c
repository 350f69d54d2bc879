/* SPDX-License-Identifier: MIT */
#include "encode/chart/plot.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* The widths are about those of DejaVu Sans, which is wider than most fonts. */
double plot_em(uint32_t c)
{
	if (c >= 0x1100)
		return 1;
	if (c >= 0x80)
		return 0.65;
	if (strchr(" .,:;'|!ijlI/()[]-", (int)c) != NULL)
		return 0.4;
	if (strchr("mwMW%@", (int)c) != NULL)
		return 0.98;
	return c >= 'A' && c <= 'Z' ? 0.72 : 0.635;
}

double plot_width(const char *text, double size)
{
	const char *end = text + strlen(text);
	double width = 0;

	while (text < end)
		width += plot_em(utf8_next(&text, end));
	return width * size;
}

void plot_text(const struct plot *p, const char *text, double x, double y,
    enum chart_anchor anchor)
{
	p->pen->text(p->pen, &(struct chart_text){.text = text,
				 .x = x,
				 .y = y,
				 .size = TEXT_SIZE,
				 .anchor = anchor});
}

void plot_line(const struct plot *p, double x1, double y1, double x2, double y2,
    int colour)
{
	p->pen->line(p->pen, (const double[][2]){{x1, y1}, {x2, y2}}, 2,
	    &(struct chart_stroke){colour, 0.6, 0});
}

void plot_rect(const struct plot *p, struct box b, int colour)
{
	p->pen->area(p->pen,
	    (const double[][2]){{b.x, b.y}, {b.x + b.width, b.y},
		{b.x + b.width, b.y + b.height}, {b.x, b.y + b.height}},
	    4, colour);
}

const char *plot_cut(const char *text, double size, double room, char to[256])
{
	const char *end = text + strlen(text), *at = text, *fits = text;
	double width = size;

	if (plot_width(text, size) <= room)
		return text;
	while (at < end && at - text < 240) {
		width += plot_em(utf8_next(&at, end)) * size;
		if (width > room)
			break;
		fits = at;
	}
	snprintf(to, 256, "%.*s\u2026", (int)(fits - text), text);
	return to;
}
