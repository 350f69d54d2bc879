/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "encode/chart/data.h"
#include "encode/chart/unit.h"
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

/* Returns how many bytes of the categories tell all of them. */
static size_t length_needed(const struct chart_data *d)
{
	struct chart_unit unit = {0};

	if (!kind_is_moment(d->kind))
		return 0;
	for (int i = 0; i < d->rows; i++) {
		const char *s = d->categories[i];
		struct value v = {s, s != NULL ? (int32_t)strlen(s) : -1};

		chart_unit_add(&unit, d->kind, &v);
	}
	return chart_unit_length(&unit, d->kind);
}

static void add_formatted(
    const struct chart_data *d, enum way way, const char *text, struct buf *b)
{
	struct value v = {text, (int32_t)strlen(text)};

	format_add(d->label_format, d->kind, &v, b);
	if (way == WITH_YEAR && kind_has_date(d->kind))
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
	size_t length = length_needed(d);

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
