/* SPDX-License-Identifier: MIT */
#include "encode/pdf/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "encode/pdf/breaks.h"
#include "encode/pdf/font.h"
#include "encode/pdf/line.h"
#include "encode/pdf/shape.h"

#define MEASURE_BYTES ((size_t)4096)

struct pdf_text {
	struct pdf_fonts *fonts;
	struct pdf_shape *shape;
	struct pdf_face faces[2]; /* one for each weight */
};

struct pdf_text *pdf_text_open(struct pdf_file *file,
    const struct pdf_text_options *options, struct err *e)
{
	struct pdf_text *t = mem_zalloc(sizeof(*t));

	t->fonts = pdf_fonts_open(file);
	t->shape = pdf_shape_open(t->fonts, options, e);
	for (int i = 0; i < 2; i++) {
		t->faces[i].pango =
		    t->shape ? pdf_shape_font(t->shape, (enum pdf_weight)i, e)
			     : NULL;
		if (t->faces[i].pango == NULL) {
			pdf_text_free(t);
			return NULL;
		}
		t->faces[i].font = pdf_font_of(t->fonts, t->faces[i].pango);
	}
	return t;
}

void pdf_text_free(struct pdf_text *t)
{
	if (t == NULL)
		return;
	for (int i = 0; i < 2; i++) {
		if (t->faces[i].pango != NULL)
			g_object_unref(t->faces[i].pango);
	}
	pdf_shape_free(t->shape);
	pdf_fonts_free(t->fonts);
	free(t);
}

struct pdf_replaced pdf_text_replaced(const struct pdf_text *t)
{
	return *pdf_shape_replaced(t->shape);
}

void pdf_text_set_replaced(struct pdf_text *t, struct pdf_replaced replaced)
{
	*pdf_shape_replaced(t->shape) = replaced;
}

int pdf_text_write_fonts(
    struct pdf_text *t, struct buf *resources, struct err *e)
{
	return pdf_fonts_write(t->fonts, resources, e);
}

/* Returns the length in bytes of the end of a paragraph at s; 0: there is
 * none. */
static size_t separator(const char *s, const char *end)
{
	if (*s == '\n')
		return 1;
	if (*s == '\r')
		return s + 1 < end && s[1] == '\n' ? 2 : 1;
	/* U+2028 and U+2029 end a line and a paragraph. */
	return end - s >= 3 && memcmp(s, "\xE2\x80", 2) == 0 &&
		       (s[2] == '\xA8' || s[2] == '\xA9')
		   ? 3
		   : 0;
}

/* Finds the end of the paragraph at `next`, and whether it can go glyph by
 * glyph. */
static void begin_paragraph(struct pdf_face *face, struct pdf_flow *f)
{
	const char *s = f->text + f->next, *end = f->text + f->len;

	f->shaped = false;
	while (s < end && separator(s, end) == 0) {
		unsigned char byte = (unsigned char)*s;

		if (byte < 0x80 && face->plain[byte].state == PDF_PLAIN_HAVE)
			s++;
		else if (pdf_face_plain(face, utf8_next(&s, end)) == NULL)
			f->shaped = true;
	}
	f->paragraph = (size_t)(s - f->text);
	if (f->shaped)
		f->rtl =
		    pdf_shape_rtl(f->text + f->next, f->paragraph - f->next);
}

static void end_paragraph(struct pdf_flow *f)
{
	const char *end = f->text + f->len;

	f->next = f->paragraph;
	if (f->next < f->len)
		f->next += separator(f->text + f->next, end);
}

/* Removes the lines that were shown. */
static void compact(struct pdf_flow *f)
{
	size_t gone;

	if (f->first == 0)
		return;
	memmove(f->lines, f->lines + f->first,
	    (size_t)(f->count - f->first) * sizeof(*f->lines));
	f->count -= f->first;
	f->first = 0;
	gone = f->operators.len;
	for (int i = f->count - 1; i >= 0; i--) {
		if (f->lines[i].shaped)
			gone = f->lines[i].at;
	}
	buf_consume(&f->operators, gone);
	for (int i = 0; i < f->count; i++)
		f->lines[i].at -= f->lines[i].shaped ? gone : 0;
}

/* Returns whether a character belongs to a script without spaces: Thai, Lao,
 * Tibetan, Burmese, Khmer, Han and the like. */
static bool breaks_anywhere(uint32_t c)
{
	return c >= 0x2E80 || (c >= 0xE00 && c < 0x10A0) ||
	       (c >= 0x1780 && c < 0x1800);
}

/* Estimates the longest word. A character of another script counts as an em, or
 * as wide as most letters, which is good enough here. */
static int longest_word(
    struct pdf_face *face, const char *s, const char *end, int size)
{
	int64_t width = 0, longest = 0;
	uint32_t before = 0;

	while (s < end) {
		uint32_t c = utf8_next(&s, end);
		const struct pdf_plain *p = pdf_face_plain(face, c);

		if (c == '\n' || c == '\r') {
			width = 0;
			continue;
		}
		width += p ? p->width : c >= 0x2E80 ? 1000 : 600;
		if (width > longest && c != ' ')
			longest = width;
		if (breaks_anywhere(c) || pdf_break_after(pdf_break_class(c),
					      before, s, end) == STRONG)
			width = 0;
		before = c;
	}
	return (int)(longest * size / 1000) + PDF_ROUNDING;
}

static int shaped_lines(struct pdf_text *t, struct pdf_flow *f,
    struct pdf_style style, int width, struct err *e)
{
	struct pdf_shaped s = {.text = f->text + f->next,
	    .len = f->paragraph - f->next,
	    .style = style,
	    .width = width,
	    .least = PDF_SQUEEZE_WORD,
	    .rtl = f->rtl,
	    .out = &f->operators};

	pdf_shape_begin(t->shape, &s);
	if (s.word > width * 100 / PDF_SQUEEZE_WORD && s.word > f->wide)
		f->wide = s.word;
	while (pdf_shape_next(t->shape, &s)) {
		struct pdf_line *line = pdf_flow_line(f);

		line->shaped = true;
		line->at = f->operators.len;
		if (pdf_shape_line(t->shape, &s, e) != 0)
			return -1;
		line->len = f->operators.len - line->at;
		line->width = s.line_width;
	}
	f->next += s.taken;
	if (f->operators.overflow)
		return err_set(e, ERR_PERMANENT, "PDF: a text is too large");
	return 0;
}

int pdf_text_fill(struct pdf_text *t, struct pdf_flow *f,
    struct pdf_style style, int width, int want, struct err *e)
{
	struct pdf_face *face = &t->faces[style.weight];
	int limit = (int)((int64_t)width * 1000 / style.size);

	while (pdf_flow_ready(f) < want && f->next < f->len) {
		compact(f);
		if (f->next >= f->paragraph)
			begin_paragraph(face, f);
		if (!f->shaped)
			pdf_flow_plain_line(face, f, limit, style.size);
		else if (shaped_lines(t, f, style, width, e) != 0)
			return -1;
		if (f->next >= f->paragraph)
			end_paragraph(f);
	}
	return 0;
}

/* Writes a byte of a glyph's code. Four byte values have a meaning in a string
 * and are escaped. */
static char *put_byte(char *to, unsigned int byte)
{
	if (byte == '(' || byte == ')' || byte == '\\')
		*to++ = '\\';
	if (byte == '\r') {
		*to++ = '\\';
		byte = 'r';
	}
	*to++ = (char)byte;
	return to;
}

static void show_plain(
    struct pdf_face *face, struct buf *b, const char *s, size_t len)
{
	const char *end = s + len;
	char *at = buf_reserve(b, len * 4 + 6);

	if (at == NULL)
		return;
	*at++ = '(';
	while (s < end) {
		const struct pdf_plain *p =
		    pdf_face_plain(face, utf8_next(&s, end));

		at = put_byte(at, p->glyph >> 8);
		at = put_byte(at, p->glyph & 0xFF);
	}
	memcpy(at, ")Tj\n", 4);
	b->len = (size_t)(at + 4 - b->data);
}

void pdf_text_show(struct pdf_text *t, struct buf *b, struct pdf_flow *f,
    struct pdf_style style, bool *font)
{
	const struct pdf_line *line = &f->lines[f->first++];
	struct pdf_face *face = &t->faces[style.weight];

	if (line->shaped) {
		buf_add(b, f->operators.data + line->at, line->len);
		*font = false;
		return;
	}
	if (!*font)
		pdf_font_select(b, face->font, 0, style.size);
	*font = true;
	if (line->squeeze != 0)
		buf_printf(b, "%d Tz\n", line->squeeze);
	show_plain(face, b, f->text + line->at, line->len);
	if (line->squeeze != 0)
		buf_str(b, "100 Tz\n");
}

/* ---- measuring ---- */

int pdf_text_measure(struct pdf_text *t, const char *text, size_t len,
    struct pdf_style style, int *word, struct err *e)
{
	struct pdf_replaced *replaced = pdf_shape_replaced(t->shape);
	struct pdf_replaced before = *replaced;
	struct pdf_flow f = {0};
	int widest = 0;

	if (len > MEASURE_BYTES) {
		len = MEASURE_BYTES;
		while ((text[len] & 0xC0) == 0x80)
			len--;
	}
	pdf_flow_begin(&f, text, len);
	if (pdf_text_fill(t, &f, style, PDF_UNLIMITED, INT32_MAX, e) != 0) {
		pdf_flow_free(&f);
		return -1;
	}
	for (int i = 0; i < f.count; i++) {
		if (f.lines[i].width > widest)
			widest = f.lines[i].width;
	}
	*replaced = before;
	*word =
	    longest_word(&t->faces[style.weight], text, text + len, style.size);
	pdf_flow_free(&f);
	return widest + PDF_ROUNDING;
}
