/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "encode/chart/plot.h"

#define DOTS "\u2026"

/* The parts of labels that are left out, in the order in which they are tried. */
enum part {
	END,
	BEGINNING, /* the words that all labels begin with, and the end */
	MIDDLE,
	PARTS,
};

/* Returns how many bytes of the text fit into `room`. */
static size_t fitting(const char *text, double size, double room)
{
	const char *end = text + strlen(text), *at = text, *fits = text;
	double width = 0;

	while (at < end) {
		width += plot_em(utf8_next(&at, end)) * size;
		if (width > room)
			break;
		fits = at;
	}
	return (size_t)(fits - text);
}

/* Returns the shortest end of the text that does not fit into more than
 * `room`. */
static const char *last_fitting(const char *text, double size, double room)
{
	const char *end = text + strlen(text);

	while (text < end && plot_width(text, size) > room)
		utf8_next(&text, end);
	return text;
}

/* Returns how many bytes of whole words all labels that are wider than `room`
 * begin with. */
static size_t common_words(const struct plot *p, double room)
{
	const char *first = NULL;
	size_t len = 0;

	for (int i = 0; i < p->d->rows; i++) {
		const char *label = p->labels[i];
		size_t same = 0;

		if (plot_width(label, TEXT_SIZE) <= room)
			continue;
		if (first == NULL) {
			first = label;
			len = strlen(label);
		}
		while (same < len && label[same] == first[same])
			same++;
		len = same;
	}
	while (len > 0 && strchr(" _-/", first[len - 1]) == NULL)
		len--;
	return len;
}

static char *cut(const char *label, double room, enum part part, size_t common)
{
	double dots = plot_width(DOTS, TEXT_SIZE);
	const char *rest = label + common;

	if (plot_width(label, TEXT_SIZE) <= room)
		return mem_strdup(label);
	if (part == END)
		return mem_printf("%.*s" DOTS,
		    (int)fitting(label, TEXT_SIZE, room - dots), label);
	if (part == MIDDLE)
		return mem_printf("%.*s" DOTS "%s",
		    (int)fitting(label, TEXT_SIZE, (room - dots) / 2), label,
		    last_fitting(label, TEXT_SIZE, (room - dots) / 2));
	if (plot_width(rest, TEXT_SIZE) <= room - dots)
		return mem_printf(DOTS "%s", rest);
	return mem_printf(DOTS "%.*s" DOTS,
	    (int)fitting(rest, TEXT_SIZE, room - 2 * dots), rest);
}

struct pair {
	const char *label, *cut;
};

static int compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = strcmp(x->cut, y->cut);

	return order != 0 ? order : strcmp(x->label, y->label);
}

/* Returns whether two different labels look the same. */
static bool same_looks(const struct plot *p, char **cuts)
{
	struct pair *pairs =
	    mem_alloc((size_t)(p->d->rows + 1) * sizeof(*pairs));
	bool same = false;

	for (int i = 0; i < p->d->rows; i++)
		pairs[i] = (struct pair){p->labels[i], cuts[i]};
	qsort(pairs, (size_t)p->d->rows, sizeof(*pairs), compare);
	for (int i = 1; i < p->d->rows; i++)
		same |= strcmp(pairs[i - 1].cut, pairs[i].cut) == 0 &&
			strcmp(pairs[i - 1].label, pairs[i].label) != 0;
	free(pairs);
	return same;
}

static void cut_all(
    const struct plot *p, double room, enum part part, char **cuts)
{
	size_t common = part == BEGINNING ? common_words(p, room) : 0;

	for (int i = 0; i < p->d->rows; i++) {
		free(cuts[i]);
		cuts[i] = cut(p->labels[i], room, part, common);
	}
}

char **plot_cuts(const struct plot *p, double room)
{
	char **cuts = mem_zalloc((size_t)(p->d->rows + 1) * sizeof(*cuts));
	int part = END;

	cut_all(p, room, END, cuts);
	while (++part < PARTS && same_looks(p, cuts))
		cut_all(p, room, (enum part)part, cuts);
	if (part == PARTS && same_looks(p, cuts))
		cut_all(p, room, END, cuts);
	return cuts;
}

void plot_cuts_free(const struct plot *p, char **cuts)
{
	for (int i = 0; i < p->d->rows; i++)
		free(cuts[i]);
	free(cuts);
}
