/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/pdf/table.h"

/* The text may shrink to this many percent of its size: to LITTLE so that no
 * value is wrapped, to the other so that the columns fit at all. */
#define LITTLE 92
#define LEAST 75
/* A usual value of text takes at most this many lines, a label at most
 * LABEL_LINES. */
#define LINES 4
#define LABEL_LINES 4
/* Widths in em: a column of text does not become narrower than TEXT_EM by
 * wrapping; words of labels of up to LABEL_EM are not broken; on pages side by
 * side a column of long text gets up to ACROSS_EM. */
#define TEXT_EM 5
#define LABEL_EM 8
#define ACROSS_EM 22
/* In em: a value longer than this takes many lines however wide its column is,
 * so its width counts only up to here. */
#define LONG_EM 100
/* Widths are a share of the usual widths, in 1/SHARE. */
#define SHARE 1024

enum labels {
	WHOLE_WORDS,  /* labels wrap between words only */
	BROKEN_WORDS, /* words of labels longer than LABEL_EM break */
};

static int max(int a, int b)
{
	return a > b ? a : b;
}

static int min(int a, int b)
{
	return a < b ? a : b;
}

void pdf_column_measured(
    const struct pdf_table *t, struct pdf_column *c, int width, int word)
{
	double counted = min(width, LONG_EM * t->full_size);

	/* A number too wide for any page is broken like text. */
	if (c->solid)
		word = width <= 2 * t->widest ? width : 0;
	c->natural = max(c->natural, width);
	c->word = max(c->word, word);
	c->squares += counted * counted;
	c->values++;
}

/* Returns the width of a usual value: the root mean square of all widths, in
 * which a few long values do not count much. */
static int usual(const struct pdf_column *c)
{
	return c->values ? (int)sqrt(c->squares / c->values) : 0;
}

static int padding(const struct pdf_table *t)
{
	return t->full_size;
}

static int all_padding(const struct pdf_table *t, int columns)
{
	return min(columns, INT32_MAX / 2 / (t->full_size + 1)) * padding(t);
}

/* Returns the width that a column needs at least, out of `room` on a page. */
static int need(const struct pdf_table *t, const struct pdf_column *c,
    enum labels labels, int room)
{
	int text = c->word + c->reserve, label = c->label_word;

	if (c->fixed)
		return min(c->natural, room);
	if (!c->solid) {
		/* A word this long is broken in any case. */
		if (text > PDF_LONG_WORD(room))
			text = room / 8;
		text = max(text, min(usual(c) / LINES, room / 4));
		text = max(text, min(c->natural, TEXT_EM * t->full_size));
	}
	if (labels == BROKEN_WORDS)
		label = min(label, LABEL_EM * t->full_size);
	label = max(label, c->label_natural / LABEL_LINES);
	return min(max(text, min(label, room / 4)), room);
}

/* Returns the width at which no value is wrapped, and labels only between
 * words. */
static int unwrapped(
    const struct pdf_table *t, const struct pdf_column *c, int room)
{
	int width = max(c->natural + c->reserve, c->label_word);

	if (c->fixed)
		return min(c->natural, room);
	return max(width, need(t, c, WHOLE_WORDS, room));
}

int64_t pdf_table_natural(const struct pdf_table *t)
{
	int64_t sum = 0;

	for (int i = 0; i < t->count; i++)
		sum += unwrapped(t, &t->columns[i], PDF_UNLIMITED) + padding(t);
	return sum;
}

/* ---- the columns of one page ---- */

/* The columns that share the room of a page. */
struct share {
	const struct pdf_table *t;
	int from, to;
	int page; /* room of the page, which bounds the need of a column */
	int room; /* room for these columns, without padding */
	enum labels labels;
};

enum level {
	NEED,
	UNWRAPPED,
	WHOLE_LABELS,
};

static int level_of(const struct share *s, int i, enum level level)
{
	const struct pdf_column *c = &s->t->columns[i];
	int width = level == NEED ? need(s->t, c, s->labels, s->page)
				  : unwrapped(s->t, c, s->page);

	if (level == WHOLE_LABELS && !c->fixed)
		return max(width, min(c->label_natural, s->page));
	return width;
}

static int64_t sum_of(const struct share *s, enum level level)
{
	int64_t sum = 0;

	for (int i = s->from; i < s->to; i++)
		sum += level_of(s, i, level);
	return sum;
}

/* Returns part/SHARE of the usual width of a column, but at least the width it
 * needs and at most the width without wrapping. With the same part for all,
 * columns have about the same number of lines. */
static int part_of(const struct share *s, int i, int64_t part)
{
	int64_t width = usual(&s->t->columns[i]) * part / SHARE;
	int least = level_of(s, i, NEED), most = level_of(s, i, UNWRAPPED);

	return width < least ? least : width > most ? most : (int)width;
}

static int64_t sum_parts(const struct share *s, int64_t part)
{
	int64_t sum = 0;

	for (int i = s->from; i < s->to; i++)
		sum += part_of(s, i, part);
	return sum;
}

static void wrap(const struct share *s)
{
	int64_t low = 0, high = (int64_t)SHARE << 20;

	while (low < high) {
		int64_t part = low + (high - low + 1) / 2;

		if (sum_parts(s, part) <= s->room)
			low = part;
		else
			high = part - 1;
	}
	for (int i = s->from; i < s->to; i++)
		s->t->columns[i].width = part_of(s, i, low);
}

static int label_wish(const struct share *s, int i)
{
	return level_of(s, i, WHOLE_LABELS) - level_of(s, i, UNWRAPPED);
}

static int64_t sum_wishes(const struct share *s, int limit)
{
	int64_t sum = 0;

	for (int i = s->from; i < s->to; i++) {
		int wish = label_wish(s, i);

		sum += wish <= limit ? wish : 0;
	}
	return sum;
}

/* Gives room that values leave to labels, so that they stand on one line.
 * Labels that need the least extra room come first, as only a part of the need
 * is of no use. */
static void unwrap_labels(const struct share *s)
{
	int64_t spare = s->room - sum_of(s, UNWRAPPED);
	int low = 0, high = s->room;

	while (low < high) {
		int limit = low + (high - low + 1) / 2;

		if (sum_wishes(s, limit) <= spare)
			low = limit;
		else
			high = limit - 1;
	}
	for (int i = s->from; i < s->to; i++)
		s->t->columns[i].width = level_of(
		    s, i, label_wish(s, i) <= low ? WHOLE_LABELS : UNWRAPPED);
}

/* Widens a table to the page, but at most to twice its width: a table far
 * narrower than the page is harder to read both when it is crowded and when its
 * columns are far apart. */
static void stretch(const struct share *s)
{
	int64_t sum = 0, flexible = 0, done = 0, spare;

	for (int i = s->from; i < s->to; i++) {
		const struct pdf_column *c = &s->t->columns[i];

		sum += c->width;
		flexible += c->fixed ? 0 : c->width;
	}
	spare = min(s->room - (int)sum, (int)sum);
	if (spare <= 0 || flexible == 0)
		return;
	for (int i = s->from; i < s->to; i++) {
		struct pdf_column *c = &s->t->columns[i];
		int64_t before = done * spare / flexible;

		if (c->fixed)
			continue;
		done += c->width;
		c->width += (int)(done * spare / flexible - before);
	}
}

static void share(const struct share *s)
{
	if (sum_of(s, UNWRAPPED) > s->room)
		wrap(s);
	else
		unwrap_labels(s);
	stretch(s);
}

/* Fits all columns on one page with text of at least `least` percent of its
 * size; false when that is not possible. */
static bool fit_page(struct pdf_table *t, int room, enum level level,
    enum labels labels, int least)
{
	struct share s = {t, 0, t->count, room, room, labels};
	int64_t sum = sum_of(&s, level) + all_padding(t, t->count);
	int64_t size = t->full_size;

	if (sum > room)
		size = size * room / sum;
	if (size * 100 < (int64_t)t->full_size * least)
		return false;
	t->size = (int)size;
	/* Widths are computed at full size, so smaller text is taken as a
	 * larger page. */
	s.room = (int)((int64_t)room * t->full_size / t->size) -
		 all_padding(t, t->count);
	share(&s);
	t->across = 1;
	t->repeated = 0;
	t->panels = mem_realloc(t->panels, 1, sizeof(*t->panels));
	t->panels[0] = (struct pdf_panel){0, t->count, 0};
	return true;
}

/* ---- pages side by side ---- */

/* Returns the width of a column on pages side by side: enough for some lines of
 * text. */
static int across_width(
    const struct pdf_table *t, const struct pdf_column *c, int room)
{
	int least = need(t, c, WHOLE_WORDS, room);
	int wish = max(usual(c), c->natural / LINES);

	wish = min(wish, ACROSS_EM * t->full_size);
	return c->fixed || c->solid ? min(unwrapped(t, c, room), room)
				    : min(max(least, wish), room);
}

/* Repeats the first columns, as many as leave half of the page to others.
 * Returns the width that they take. */
static int repeat_columns(struct pdf_table *t, int room)
{
	int sum = 0;

	for (t->repeated = 0; t->repeated < min(t->repeat, t->count - 1);
	     t->repeated++) {
		struct pdf_column *c = &t->columns[t->repeated];
		int width = across_width(t, c, room / 2 - padding(t));

		if (sum + width + padding(t) > room / 2)
			break;
		c->width = width;
		sum += width + padding(t);
	}
	return sum;
}

/* Returns how many pages are needed when each has this room for its own
 * columns. Fills `panels` unless it is NULL. */
static int count_panels(
    const struct pdf_table *t, int room, int limit, struct pdf_panel *panels)
{
	int sum = 0, count = 0, from = t->repeated;

	for (int i = from; i < t->count; i++) {
		int width = across_width(t, &t->columns[i], room - padding(t)) +
			    padding(t);

		if (i > from && sum + width > limit) {
			if (panels != NULL)
				panels[count] = (struct pdf_panel){from, i, 0};
			count++;
			from = i;
			sum = 0;
		}
		sum += width;
	}
	if (panels != NULL)
		panels[count] = (struct pdf_panel){from, t->count, 0};
	return count + 1;
}

/* Spreads the columns over as few pages as possible, all about equally full. */
static void fit_across(struct pdf_table *t, int whole_room)
{
	int room = whole_room - repeat_columns(t, whole_room);
	int count = count_panels(t, room, room, NULL);
	int low = 1, high = room;

	while (low < high) {
		int limit = low + (high - low) / 2;

		if (count_panels(t, room, limit, NULL) <= count)
			high = limit;
		else
			low = limit + 1;
	}
	t->size = t->full_size;
	t->across = count;
	t->panels = mem_realloc(t->panels, (size_t)count, sizeof(*t->panels));
	count_panels(t, room, high, t->panels);
	for (int i = 0; i < count; i++) {
		const struct pdf_panel *p = &t->panels[i];

		share(&(struct share){t, p->from, p->to, room - padding(t),
		    room - all_padding(t, p->to - p->from), WHOLE_WORDS});
	}
}

/* ---- all of it ---- */

static void free_marks(struct pdf_table *t)
{
	for (int i = 0; t->marks != NULL && t->marks[i] != NULL; i++)
		free(t->marks[i]);
	free(t->marks);
	t->marks = NULL;
}

void pdf_table_unfit(struct pdf_table *t)
{
	free_marks(t);
	free(t->panels);
	t->panels = NULL;
}

static void make_marks(struct pdf_table *t)
{
	free_marks(t);
	if (t->across == 1)
		return;
	t->marks = mem_zalloc((size_t)(t->across + 1) * sizeof(*t->marks));
	for (int i = 0; i < t->across; i++) {
		const struct pdf_panel *p = &t->panels[i];
		int from = i > 0 ? p->from + 1 : 1;

		t->marks[i] =
		    from == p->to
			? mem_printf("column %d of %d", from, t->count)
			: mem_printf(
			      "columns %d to %d of %d", from, p->to, t->count);
	}
}

/* Converts widths at full size, without padding, to widths on the page, and
 * places the columns. */
static void place(struct pdf_table *t)
{
	int x = 0, widest = 0;

	for (int i = 0; i < t->count; i++)
		t->columns[i].width =
		    (int)((int64_t)(t->columns[i].width + padding(t)) *
			  t->size / t->full_size);
	for (int i = 0; i < t->repeated; i++) {
		t->columns[i].x = x;
		x += t->columns[i].width;
	}
	for (int i = 0; i < t->across; i++) {
		struct pdf_panel *p = &t->panels[i];

		p->width = x;
		for (int k = p->from; k < p->to; k++) {
			t->columns[k].x = p->width;
			p->width += t->columns[k].width;
		}
		widest = max(widest, p->width);
	}
	t->x = t->pages->margin;
	for (int i = 0; i < t->count; i++)
		t->columns[i].x += t->x;
}

void pdf_table_fit(struct pdf_table *t, int room)
{
	room = max(room, 2 * padding(t));
	if (!fit_page(t, room, UNWRAPPED, WHOLE_WORDS, LITTLE) &&
	    !fit_page(t, room, NEED, WHOLE_WORDS, LEAST) &&
	    !fit_page(t, room, NEED, BROKEN_WORDS, LEAST))
		fit_across(t, room);
	make_marks(t);
	place(t);
}
