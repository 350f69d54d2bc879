/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "encode/chart/data.h"
#include "rows/moment.h"

/* Bytes kept of a label. Longer labels would be cut in the drawing. */
#define LABEL_BYTES ((size_t)200)
#define LABEL_MAX ((size_t)64 << 10)

/* The ways to write categories, shortest first. Two different categories must
 * not look the same, such as January of two years, or the hour that occurs
 * twice in October. So the first way is taken in which no two do. */
enum way {
	/* with its format, or only the part of a date or time that differs */
	SHORT,
	WITH_YEAR, /* the short way and the year */
	PLAIN,     /* as the table shows it without a format */
	AS_IT_IS,  /* as the server sent it, with the offset from UTC */
	WAYS,
};

static bool has_date(enum column_kind kind)
{
	return kind == KIND_DATE || kind == KIND_TIMESTAMP ||
	       kind == KIND_TIMESTAMPTZ;
}

static bool is_moment(enum column_kind kind)
{
	return has_date(kind) || kind == KIND_TIME || kind == KIND_TIMETZ;
}

/* Returns the length in bytes of a date or time without its offset; 0 for a
 * text of another shape, such as infinity. */
static size_t moment_len(enum column_kind kind, const char *text)
{
	struct value v = {text, (int32_t)strlen(text)};
	const char *rest = text + v.len;
	size_t len = (size_t)v.len;

	if (kind == KIND_TIMESTAMPTZ || kind == KIND_TIMETZ)
		len = moment_without_offset(kind, &v, &rest);
	if (has_date(kind) && (len < 10 || text[4] != '-' || text[7] != '-'))
		return 0;
	if (strstr(text, " BC") != NULL)
		return 0;
	return len;
}

/* Returns whether all rows have these characters at offset `at`. */
static bool all_have(
    const struct chart_data *d, size_t at, const char *characters)
{
	for (int i = 0; i < d->rows; i++) {
		const char *s = d->categories[i];

		if (s != NULL &&
		    strncmp(s + at, characters, strlen(characters)) != 0)
			return false;
	}
	return true;
}

/* Returns how many bytes of 2026-03-29 14:00:00 are needed to show all values:
 * up to the year, month, day, minute or second. */
static size_t length_needed(const struct chart_data *d)
{
	size_t time = has_date(d->kind) ? 11 : 0, least = SIZE_MAX;

	for (int i = 0; i < d->rows; i++) {
		size_t len = SIZE_MAX;

		if (d->categories[i] != NULL)
			len = moment_len(d->kind, d->categories[i]);
		least = len < least ? len : least;
	}
	if (least == 0 || least == SIZE_MAX)
		return 0;
	if (d->kind != KIND_DATE && least < time + 8)
		return 0;
	if (d->kind != KIND_DATE && !all_have(d, time + 5, ":00"))
		return time + 8;
	if (time == 0 || (d->kind != KIND_DATE && !all_have(d, 11, "00:00")))
		return time + 5;
	if (d->rows < 2 || !all_have(d, 7, "-01"))
		return 10;
	return all_have(d, 4, "-01") ? 4 : 7;
}

static void add_formatted(
    const struct chart_data *d, enum way way, const char *text, struct buf *b)
{
	struct value v = {text, (int32_t)strlen(text)};

	format_add(d->label_format, d->kind, &v, b);
	if (way == WITH_YEAR && has_date(d->kind))
		buf_printf(b, " %.*s", (int)strcspn(text, "-"), text);
}

static void add_way(const struct chart_data *d, enum way way, size_t length,
    const char *text, struct buf *b)
{
	struct value v = {text, (int32_t)strlen(text)};
	const char *rest = text + v.len;
	size_t len = (size_t)v.len;

	if (way <= WITH_YEAR && d->label_format != NULL) {
		add_formatted(d, way, text, b);
		return;
	}
	if (d->kind == KIND_TIMESTAMPTZ)
		len = moment_without_offset(d->kind, &v, &rest);
	buf_add(b, text,
	    way != PLAIN && length != 0 && length < len ? length : len);
	if (way == AS_IT_IS)
		buf_str(b, text + len);
	else if (way == PLAIN)
		buf_str(b, rest);
}

static char *label_of(
    const struct chart_data *d, enum way way, size_t length, const char *text)
{
	struct buf b;
	char *label;

	if (text == NULL)
		return mem_strdup("");
	if (d->kind == KIND_BOOLEAN)
		return mem_strdup(*text == 't' ? "true" : "false");
	buf_init(&b, LABEL_MAX);
	buf_str(&b, "");
	add_way(d, way, length, text, &b);
	label = mem_strndup(b.data, b.len < LABEL_BYTES ? b.len : LABEL_BYTES);
	buf_free(&b);
	str_cut_utf8(label, strlen(label));
	for (char *s = label; *s != '\0'; s++) {
		if ((unsigned char)*s < ' ')
			*s = ' ';
	}
	return label;
}

struct pair {
	const char *label, *category;
};

static int compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return strcmp(x->label, y->label);
}

/* Returns whether two different categories have the same label. */
static bool same_looks(const struct chart_data *d, char **labels)
{
	struct pair *pairs = mem_alloc((size_t)d->rows * sizeof(*pairs) + 1);
	bool same = false;

	for (int i = 0; i < d->rows; i++)
		pairs[i] = (struct pair){
		    labels[i], d->categories[i] ? d->categories[i] : ""};
	qsort(pairs, (size_t)d->rows, sizeof(*pairs), compare);
	for (int i = 1; i < d->rows; i++)
		same |= strcmp(pairs[i - 1].label, pairs[i].label) == 0 &&
			strcmp(pairs[i - 1].category, pairs[i].category) != 0;
	free(pairs);
	return same;
}

char **chart_labels(const struct chart_data *d)
{
	char **labels = mem_zalloc((size_t)d->rows * sizeof(*labels) + 1);
	size_t length = is_moment(d->kind) ? length_needed(d) : 0;

	for (int way = SHORT; way < WAYS; way++) {
		for (int i = 0; i < d->rows; i++) {
			free(labels[i]);
			labels[i] = label_of(d, way, length, d->categories[i]);
		}
		if (!same_looks(d, labels))
			break;
	}
	return labels;
}
