/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "encode/chart/plot.h"

#define GAP 6.0 /* points between labels */

double plot_slot(const struct plot *p)
{
	return p->box.width / (p->d->rows ? p->d->rows : 1);
}

/* The most lines that a wrapped label may have. */
#define LABEL_LINES 3
#define LINE_HEIGHT (TEXT_SIZE * 1.2)
#define SLANT 0.70711 /* sine and cosine of 45 degrees */

static double centre_of(const struct plot *p, int row)
{
	return p->box.x + (row + 0.5) * plot_slot(p);
}

/* Returns the x at which a label of this width begins: centred below its place,
 * but within the chart. */
static double begin_of(const struct plot *p, int row, double width)
{
	double x = centre_of(p, row) - width / 2;

	return fmax(0, fmin(x, p->width - width));
}

static bool apart(const struct plot *p, int every)
{
	double end = -GAP;

	for (int i = 0; i < p->d->rows; i += every) {
		double width =
		    fmin(plot_width(p->labels[i], TEXT_SIZE), p->width);
		double begin = begin_of(p, i, width);

		if (begin < end + GAP)
			return false;
		end = begin + width;
	}
	return true;
}

/* Returns how many bytes of a label go onto a line of this width: whole
 * words, or one word that is wider than the line. *next is the start of the
 * next line. */
static int line_of(const char *text, double room, const char **next)
{
	const char *end = text + strlen(text), *at = text, *fits = NULL;
	double width = 0;

	while (at < end) {
		uint32_t c = utf8_next(&at, end);

		width += plot_em(c) * TEXT_SIZE;
		if (c != ' ' && width > room && fits != NULL)
			break;
		if (c == ' ' || c == '_' || c == '-' || at == end)
			fits = at;
	}
	*next = fits != NULL ? fits : end;
	while (**next == ' ')
		++*next;
	return (int)((fits != NULL ? fits : end) - text);
}

/* Returns how many lines the longest label needs when no line may be wider than
 * its place; more than LABEL_LINES when a word is wider. */
static int lines_wrapped(const struct plot *p)
{
	double room = plot_slot(p) - GAP;
	int most = 1;

	for (int i = 0; i < p->d->rows; i++) {
		const char *at = p->labels[i];
		int lines = 0;

		for (; *at != '\0' && lines <= LABEL_LINES; lines++) {
			char part[256];
			const char *next;
			int len = line_of(at, room, &next);

			snprintf(part, sizeof(part), "%.*s", len, at);
			if (plot_width(part, TEXT_SIZE) > room + TEXT_SIZE / 2)
				lines = LABEL_LINES;
			at = next;
		}
		most = lines > most ? lines : most;
	}
	return most;
}

static bool is_ordered(enum column_kind kind)
{
	return kind != KIND_TEXT && kind != KIND_OTHER &&
	       kind != KIND_BOOLEAN && kind != KIND_JSON && kind != KIND_ARRAY;
}

/* Chooses how labels are written. Texts have a label at each place if possible,
 * wrapped or slanted. For dates and numbers a label at every n-th place is
 * enough, as the values between can be inferred. */
static struct plot_labels choose_labels(const struct plot *p)
{
	struct plot_labels l = {IN_LINE, 1, 0, TEXT_SIZE * 2};
	int lines;

	for (int i = 0; i < p->d->rows; i++)
		l.widest = fmax(l.widest, plot_width(p->labels[i], TEXT_SIZE));
	if (apart(p, 1))
		return l;
	if (!is_ordered(p->d->kind)) {
		lines = lines_wrapped(p);
		if (lines <= LABEL_LINES) {
			l.how = WRAPPED;
			l.height = lines * LINE_HEIGHT + TEXT_SIZE;
			return l;
		}
		l.widest = fmin(l.widest, p->box.height / 2 / SLANT);
		l.how = SLANTED;
		l.height = l.widest * SLANT + TEXT_SIZE * 2;
		l.every = (int)ceil(LINE_HEIGHT / SLANT / plot_slot(p));
		return l;
	}
	while (l.every < p->d->rows && !apart(p, l.every))
		l.every++;
	return l;
}

static void wrapped_label(const struct plot *p, int row, double y)
{
	const char *at = p->labels[row];

	for (int k = 0; k < LABEL_LINES && *at != '\0'; k++) {
		char part[256];
		const char *next;
		int len = line_of(at, plot_slot(p) - GAP, &next);

		while (len > 0 && at[len - 1] == ' ')
			len--;
		snprintf(part, sizeof(part), "%.*s", len, at);
		plot_text(p, part, centre_of(p, row), y + k * LINE_HEIGHT,
		    CHART_MIDDLE);
		at = next;
	}
}

void plot_categories(const struct plot *p, const struct plot_labels *l)
{
	double y = p->box.y + p->box.height + TEXT_SIZE * 1.5;
	char **cuts =
	    plot_cuts(p, l->how == IN_LINE ? p->width : l->widest + 1);

	for (int i = 0; i < p->d->rows; i += l->every) {
		const char *label = cuts[i];

		if (l->how == WRAPPED)
			wrapped_label(p, i, y);
		else if (l->how == IN_LINE)
			plot_text(p, label,
			    begin_of(p, i, plot_width(label, TEXT_SIZE)) +
				plot_width(label, TEXT_SIZE) / 2,
			    y, CHART_MIDDLE);
		else
			p->pen->text(
			    p->pen, &(struct chart_text){.text = label,
					.x = centre_of(p, i) + TEXT_SIZE / 2,
					.y = y - TEXT_SIZE / 2,
					.size = TEXT_SIZE,
					.anchor = CHART_END,
					.slanted = true});
	}
	plot_cuts_free(p, cuts);
}

/* A slanted label begins to the left of its place. */
struct plot_labels plot_categories_begin(struct plot *p)
{
	struct plot_labels l = choose_labels(p);
	double more = l.widest * SLANT - centre_of(p, 0);

	p->box.height -= l.height;
	if (l.how == SLANTED && more > 0 && more < p->box.width / 2) {
		p->box.x += more;
		p->box.width -= more;
	}
	return l;
}
