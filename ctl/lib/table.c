/* SPDX-License-Identifier: MIT */
#include "ctl/lib/table.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/lib/human.h"

#define LINE_MAX_BYTES (1u << 20)
#define SLIM 8

/* Returns the length in bytes of the character at s; *width: its columns on a
 * terminal, -1 when it cannot be displayed. Needs the UTF-8 locale that main()
 * sets. */
static size_t character(const char *s, int *width)
{
	mbstate_t state = {0};
	wchar_t wide;
	size_t n = mbrtowc(&wide, s, strlen(s), &state);

	if (n == 0 || n > strlen(s)) {
		*width = -1;
		return 1;
	}
	*width = wcwidth(wide);
	return n;
}

static int width_of(const char *s)
{
	int sum = 0, width;

	while (*s != '\0') {
		s += character(s, &width);
		sum += width;
	}
	return sum;
}

char *table_clean(const char *s)
{
	struct buf b;
	uint32_t hidden;
	int width;
	size_t n, len;

	buf_init(&b, LINE_MAX_BYTES);
	buf_str(&b, "");
	for (; *s != '\0'; s += n) {
		n = character(s, &width);
		hidden = str_hidden(s, &len);
		if (hidden != 0)
			buf_printf(&b, "<U+%04X>", hidden);
		else if (width < 0)
			buf_char(&b, ' ');
		else
			buf_add(&b, s, n);
	}
	return b.data;
}

void table_say(FILE *out, const char *text)
{
	char *clean = table_clean(text);

	fprintf(out, "%s\n", clean);
	free(clean);
}

static char *text_of(const json_t *v)
{
	const char *s = json_string_value(v);
	char *text;

	if (v == NULL || json_is_null(v))
		return mem_strdup("");
	if (s != NULL)
		return table_clean(s);
	if (json_is_boolean(v))
		return mem_strdup(json_is_true(v) ? "yes" : "no");
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	return text ? text : mem_strdup("");
}

/* Returns the text of a cell, which the caller frees. */
static char *cell(const struct table_column *c, const json_t *object)
{
	const json_t *v = json_object_get(object, c->key);
	char short_text[HUMAN_SIZE];

	if (c->kind == TABLE_BAR)
		return mem_strdup(human_bar(short_text, object));
	if ((v == NULL || json_is_null(v)) && c->or_key != NULL)
		v = json_object_get(object, c->or_key);
	if (c->kind == TABLE_BYTES && json_is_integer(v))
		return mem_strdup(
		    human_bytes(short_text, json_integer_value(v)));
	if (c->kind == TABLE_SPAN && json_is_number(v))
		return mem_strdup(human_span(short_text, json_number_value(v)));
	if (c->kind == TABLE_TIME && json_is_string(v))
		return mem_strdup(human_time(short_text, json_string_value(v)));
	return text_of(v);
}

static void pad(struct buf *b, int n)
{
	while (n-- > 0)
		buf_char(b, ' ');
}

void table_line(FILE *out, const char *text, int width)
{
	const char *s = text;
	int sum = 0, one;

	while (*s != '\0') {
		size_t n = character(s, &one);

		sum += one > 0 ? one : 0;
		if (width > 0 && sum > width)
			break;
		s += n;
	}
	fprintf(out, "%.*s\n", (int)(s - text), text);
}

/* Shortens a text to `width` columns at its end; a path or URL at its
 * beginning, so that the name of the file stays. Takes over the text and
 * returns the new one. */
static char *shorten(char *text, int width)
{
	bool place = *text == '/' || strncmp(text, "'/", 2) == 0 ||
		     strstr(text, "://") != NULL;
	int left = width_of(text), one;
	const char *from = text;
	size_t kept = 0;
	char *shorter;

	if (left <= width)
		return text;
	for (; place && left > width - 1; left -= one)
		from += character(from, &one);
	for (int sum = 0; !place; sum += one) {
		size_t n = character(text + kept, &one);

		if (sum + one > width - 1)
			break;
		kept += n;
	}
	shorter = place ? mem_printf("…%s", from)
			: mem_printf("%.*s…", (int)kept, text);
	free(text);
	return shorter;
}

/* Makes columns of text narrower, the widest first, until a line has at most
 * `width` columns of the terminal or no column of text is wider than SLIM. */
static void fit(const struct table_column *columns, int *widths, int width)
{
	for (;;) {
		int sum = -2, widest = -1;

		for (int i = 0; columns[i].title != NULL; i++) {
			sum += widths[i] + 2;
			if (columns[i].kind == TABLE_TEXT && widths[i] > SLIM &&
			    (widest < 0 || widths[i] > widths[widest]))
				widest = i;
		}
		if (sum <= width || widest < 0)
			return;
		widths[widest]--;
	}
}

static bool is_number(enum table_kind kind)
{
	return kind == TABLE_NUMBER || kind == TABLE_BYTES ||
	       kind == TABLE_SPAN;
}

static void line(FILE *out, const struct table_column *columns, char **cells,
    const int *widths, int width)
{
	struct buf b;

	buf_init(&b, LINE_MAX_BYTES);
	buf_str(&b, "");
	for (int i = 0; columns[i].title != NULL; i++) {
		int room = widths[i] - width_of(cells[i]);
		bool right = is_number(columns[i].kind);

		if (i > 0)
			buf_str(&b, "  ");
		pad(&b, right ? room : 0);
		buf_str(&b, cells[i]);
		pad(&b, right ? 0 : room);
	}
	while (b.len > 0 && b.data[b.len - 1] == ' ')
		b.data[--b.len] = '\0';
	table_line(out, b.data, width);
	buf_free(&b);
}

void table_print(FILE *out, const struct table_column *columns,
    const json_t *array, int width)
{
	size_t rows = json_array_size(array) + 1, count = 0;
	char **cells;
	int *widths;

	while (columns[count].title != NULL)
		count++;
	cells = mem_zalloc(rows * count * sizeof(*cells));
	widths = mem_zalloc(count * sizeof(*widths));
	for (size_t i = 0; i < rows * count; i++) {
		const struct table_column *c = &columns[i % count];
		int w;

		if (i < count)
			cells[i] = mem_strdup(c->title);
		else
			cells[i] =
			    cell(c, json_array_get(array, i / count - 1));
		w = width_of(cells[i]);
		if (w > widths[i % count])
			widths[i % count] = w;
	}
	if (width > 0)
		fit(columns, widths, width);
	for (size_t i = 0; width > 0 && i < rows * count; i++) {
		if (columns[i % count].kind == TABLE_TEXT)
			cells[i] = shorten(cells[i], widths[i % count]);
	}
	for (size_t row = 0; row < rows; row++)
		line(out, columns, cells + row * count, widths, width);
	for (size_t i = 0; i < rows * count; i++)
		free(cells[i]);
	free(cells);
	free(widths);
}

/* Prints the title, and below it the lines of the text, indented. */
static void block(FILE *out, const char *title, const char *text)
{
	fprintf(out, "%s\n", title);
	while (*text != '\0') {
		size_t n = strcspn(text, "\r\n");
		char *one = mem_strndup(text, n), *clean = table_clean(one);

		fprintf(out, "    %s\n", clean);
		free(clean);
		free(one);
		text += n;
		text += *text == '\r';
		text += *text == '\n';
	}
}

void table_record(
    FILE *out, const struct table_column *columns, const json_t *object)
{
	int widest = 0;

	for (int i = 0; columns[i].title != NULL; i++) {
		int w = width_of(columns[i].title);

		widest = w > widest ? w : widest;
	}
	for (const struct table_column *c = columns; c->title != NULL; c++) {
		const json_t *v = json_object_get(object, c->key);
		char *text;

		if (v == NULL || json_is_null(v) ||
		    (json_is_object(v) && json_object_size(v) == 0))
			continue;
		if (c->kind == TABLE_BLOCK && json_is_string(v)) {
			block(out, c->title, json_string_value(v));
			continue;
		}
		text = cell(c, object);
		fprintf(out, "%s%*s  %s\n", c->title,
		    widest - width_of(c->title), "", text);
		free(text);
	}
}
