/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/cell.h"

#include <limits.h>
#include <stdio.h>

/* A column stops looking for its texts among the shared ones after this many
 * consecutive texts that were not there. */
#define MISSES_MAX 500
/* General shows numbers with fewer digits than this in full. */
#define GENERAL_WHOLE 11
/* A number with more digits than this before the point is shown with an
 * exponent. */
#define WHOLE_SHOWN 20

static void piece_set(
    struct xlsx_piece *p, const char *head, int style, const char *rest)
{
	int n = style ? snprintf(p->text, sizeof(p->text), "%s s=\"%d\"%s",
			    head, style, rest)
		      : snprintf(p->text, sizeof(p->text), "%s%s", head, rest);

	p->len = n;
}

const char *xlsx_letters(char *to, int index)
{
	char *p = to + 7;

	*p = '\0';
	for (index++; index > 0; index = (index - 1) / 26)
		*--p = (char)('A' + (index - 1) % 26);
	return p;
}

static char *put_style(char *p, int style, const char *rest)
{
	p = XLSX_PUT(p, "\" s=\"");
	p = xlsx_put_unsigned(p, (uint32_t)style);
	return xlsx_put_bytes(p, rest, strlen(rest));
}

/* Makes `number` the piece for numbers of this cell format. */
static void set_style(struct xlsx_column *c, int style)
{
	const char *rest =
	    c->rule.kind == KIND_BOOLEAN ? "\" t=\"b\"><v>" : "\"><v>";
	char *p = c->number.text;

	c->style = style;
	/* A cell without a format has format 0. */
	if (style == 0 && c->look.usual == 0)
		p = xlsx_put_bytes(p, rest, strlen(rest));
	else
		p = put_style(p, style, rest);
	c->number.len = (int)(p - c->number.text);
}

void xlsx_column_init(struct xlsx_column *c, int index,
    const struct xlsx_rule *rule, const struct xlsx_look *look)
{
	char letters[8];

	*c = (struct xlsx_column){
	    .rule = *rule, .look = *look, .wrap = INT_MAX, .fits = INT_MAX};
	c->place.len = snprintf(c->place.text, sizeof(c->place.text),
	    "<c r=\"%s", xlsx_letters(letters, index));
	set_style(c, look->usual);
	piece_set(&c->shared, "\"", look->usual, " t=\"s\"><v>");
	piece_set(&c->string, "\"", look->usual, " t=\"inlineStr\"><is><t>");
}

void xlsx_column_wrap(struct xlsx_column *c, int width, bool measured)
{
	c->wrap = width;
	/* No byte is wider than two characters. */
	c->fits = measured ? width : width / 2;
}

void xlsx_row_set(struct xlsx_row *row, uint32_t number)
{
	row->len = (int)(xlsx_put_unsigned(row->digits, number) - row->digits);
	row->lines = 1;
}

/* Returns the cell format of a number. In a column with a format for each scale
 * General shows floats in the usual way, but 123456789012.5 as 1.23457E+11. */
static int style_of(const struct xlsx_column *c, const struct xlsx_shown *shown)
{
	bool general;

	if (shown->fraction)
		return c->look.fraction;
	if (c->look.scales == NULL || (c->fixed && !shown->rounded))
		return c->look.usual;
	general = c->rule.kind == KIND_FLOAT
		      ? shown->exponent || shown->whole <= GENERAL_WHOLE
		      : shown->whole > WHOLE_SHOWN;
	if (general || shown->decimals > XLSX_DIGITS)
		return c->look.scales[0];
	return c->look.scales[1 + (shown->decimals > 0 ? shown->decimals : 0)];
}

/* Writes a cell from the place after the row's number on; NULL when the value
 * is not a number in Excel. */
static char *put_number(char *p, struct xlsx_column *c, const struct value *v,
    struct xlsx_losses *losses)
{
	struct xlsx_shown shown = {.fraction = false};
	char *number = xlsx_put_piece(p, &c->number);
	int n = xlsx_number(number, &c->rule, v, &shown), style;

	if (n == 0)
		return NULL;
	losses->rounded += shown.lost;
	style = style_of(c, &shown);
	/* The number is written again, not moved: a processor waits when it
	 * reads in words what it has just stored in bytes. */
	if (style != c->style) {
		set_style(c, style);
		number = xlsx_put_piece(p, &c->number);
		shown = (struct xlsx_shown){.fraction = false};
		xlsx_number(number, &c->rule, v, &shown);
	}
	return XLSX_PUT(number + n, "</v></c>");
}

/* Returns whether a text has a line break or is longer than a line. */
static bool wraps(const struct xlsx_column *c, const char *s, size_t len)
{
	long most = 10L * c->wrap + 9;

	return memchr(s, '\n', len) != NULL ||
	       (len > (size_t)c->fits && xlsx_text_width(s, len, most) > most);
}

int xlsx_count_lines(const char *s, size_t len, int line)
{
	const char *end = s + len;
	/* In a column that does not wrap, `line` is INT_MAX. */
	long room = 10L * line, most = room * XLSX_LINES_MAX, used = 0;
	long lines = 1;

	while (s < end && lines < XLSX_LINES_MAX) {
		size_t n = 0;
		long width;

		while (s + n < end && s[n] != ' ' && s[n] != '\n')
			n++;
		width = xlsx_text_width(s, n, most);
		if (used > 0 && used + 10 + width > room) {
			lines++;
			used = 0;
		}
		used += (used > 0 ? 10 : 0) + width;
		lines += used > 0 ? (used - 1) / room : 0;
		used -= used > 0 ? (used - 1) / room * room : 0;
		s += n;
		if (s < end && *s++ == '\n') {
			lines++;
			used = 0;
		}
	}
	return lines < XLSX_LINES_MAX ? (int)lines : XLSX_LINES_MAX;
}

static int share(
    struct xlsx_column *c, struct xlsx_strings *strings, const struct value *v)
{
	int index;

	if (c->misses >= MISSES_MAX)
		return -1;
	index = xlsx_strings_index(strings, v);
	c->misses = index < 0 ? c->misses + 1 : 0;
	return index;
}

static char *put_string(char *p, struct xlsx_column *c, struct xlsx_row *row,
    struct xlsx_strings *strings, const struct value *v)
{
	size_t len = (size_t)v->len;
	bool wrapped = wraps(c, v->data, len);
	int index = share(c, strings, v);

	if (wrapped) {
		int lines = xlsx_count_lines(v->data, len, c->wrap);

		row->lines = lines > row->lines ? lines : row->lines;
	}
	if (index >= 0) {
		p = wrapped ? put_style(p, c->look.wrapped, "\" t=\"s\"><v>")
			    : xlsx_put_piece(p, &c->shared);
		p = xlsx_put_unsigned(p, (uint32_t)index);
		return XLSX_PUT(p, "</v></c>");
	}
	p = wrapped
		? put_style(p, c->look.wrapped, "\" t=\"inlineStr\"><is><t>")
		: xlsx_put_piece(p, &c->string);
	if (xlsx_text_has_spaces(v->data, len))
		p = XLSX_PUT(p - 1, " xml:space=\"preserve\">");
	p = xlsx_put_text(p, v->data, v->data + len);
	return XLSX_PUT(p, "</t></is></c>");
}

void xlsx_cell(struct buf *b, struct xlsx_column *c, struct xlsx_row *row,
    const struct value *v, struct xlsx_strings *strings,
    struct xlsx_losses *losses)
{
	size_t len = (size_t)v->len;
	char *p, *end;

	if (v->len < 0)
		return;
	if (v->len > XLSX_TEXT_MAX)
		len = xlsx_text_fitting(v->data, len);
	p = buf_reserve(b, XLSX_ESCAPED * len + 4 * sizeof(c->place));
	if (p == NULL)
		return;
	p = xlsx_put_piece(p, &c->place);
	memcpy(p, row->digits, sizeof(row->digits));
	p += row->len;
	end = put_number(p, c, v, losses);
	if (end == NULL) {
		end = put_string(
		    p, c, row, strings, &(struct value){v->data, (int32_t)len});
		c->strays = true;
		losses->cut += len < (size_t)v->len;
	}
	b->len = (size_t)(end - b->data);
}
