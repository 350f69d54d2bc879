/* SPDX-License-Identifier: MIT */
#include "encode/pdf/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "encode/pdf/breaks.h"
#include "encode/pdf/font.h"
#include "encode/pdf/shape.h"

/* All plain characters are below this; their glyphs are looked up once. */
#define PLAIN_MAX 0x2600
#define MEASURE_BYTES ((size_t)4096)
#define SQUEEZE_WORD 60
/* Added to a measured width, so that the text has room in it however widths are
 * rounded. */
#define ROUNDING 5
#define OPERATORS_MAX ((size_t)64 << 20)

struct plain {
	uint16_t glyph;
	int16_t width;
	enum {
		NEW,
		HAVE,
		HAVE_NOT,
	} state : 8;
};

struct face {
	struct pdf_font *font;
	PangoFont *pango;
	struct plain plain[PLAIN_MAX];
};

struct pdf_text {
	struct pdf_fonts *fonts;
	struct pdf_shape *shape;
	struct face faces[2]; /* one for each weight */
};

/* Characters whose glyph does not depend on their neighbours. */
static const struct {
	uint16_t first, last;
} plain_ranges[] = {
    {0x20, 0x7E},
    {0xA0, 0xAC}, /* without the soft hyphen */
    {0xAE, 0x2FF},
    {0x370, 0x482}, /* without combining marks */
    {0x48A, 0x52F},
    {0x1E00, 0x1FFF},
    {0x2010, 0x2027},
    {0x2030, 0x205E},
    {0x2070, 0x20BF},
    {0x2100, 0x218B},
    {0x2190, 0x22FF},
    {0x2500, 0x25FA},
};

static bool is_plain(uint32_t c)
{
	for (size_t i = 0; i < sizeof(plain_ranges) / sizeof(*plain_ranges);
	     i++) {
		if (c <= plain_ranges[i].last)
			return c >= plain_ranges[i].first;
	}
	return false;
}

/* Returns the character that is shown for c. A tab becomes a space, as tables
 * have columns instead; a control character becomes a mark. */
static uint32_t shown_as(struct face *f, uint32_t c)
{
	hb_codepoint_t glyph;

	if (c == '\t')
		return ' ';
	if (!utf8_is_control(c))
		return c;
	return hb_font_get_nominal_glyph(
		   pango_font_get_hb_font(f->pango), UTF8_MARK, &glyph)
		   ? UTF8_MARK
		   : '?';
}

static void look_up(struct face *f, uint32_t c)
{
	struct plain *p = &f->plain[c];
	uint32_t shown = shown_as(f, c);
	hb_codepoint_t glyph;
	struct pdf_glyph g;
	struct err none;

	p->state = HAVE_NOT;
	if ((shown == c && !is_plain(c)) ||
	    !hb_font_get_nominal_glyph(
		pango_font_get_hb_font(f->pango), shown, &glyph) ||
	    pdf_font_glyph(f->font, glyph, shown, &g, &none) != 0 ||
	    g.bytes != 2 || g.subfont != 0)
		return;
	/* When another character has the same glyph, only shaping records which
	 * one was meant. */
	if (g.means != shown)
		return;
	p->glyph = (uint16_t)g.code;
	p->width = (int16_t)g.width;
	p->state = HAVE;
}

/* Returns NULL for a character that must be shaped. */
static const struct plain *plain_of(struct face *f, uint32_t c)
{
	if (c >= PLAIN_MAX)
		return NULL;
	if (f->plain[c].state == NEW)
		look_up(f, c);
	return f->plain[c].state == HAVE ? &f->plain[c] : NULL;
}

struct pdf_text *pdf_text_open(struct pdf_file *file,
    const struct pdf_text_options *options, struct err *e)
{
	struct pdf_text *t = mem_zalloc(sizeof(*t));

	t->fonts = pdf_fonts_open(file);
	t->shape = pdf_shape_open(t->fonts, options);
	for (int i = 0; i < 2; i++) {
		t->faces[i].pango =
		    pdf_shape_font(t->shape, (enum pdf_weight)i, e);
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

int pdf_text_write_fonts(
    struct pdf_text *t, struct buf *resources, struct err *e)
{
	return pdf_fonts_write(t->fonts, resources, e);
}

void pdf_flow_begin(struct pdf_flow *f, const char *text, size_t len)
{
	f->text = text;
	f->len = len;
	f->next = f->paragraph = 0;
	f->first = f->count = 0;
	f->solid = f->inside = false;
	f->wide = 0;
	f->operators.max = OPERATORS_MAX;
	buf_clear(&f->operators);
}

void pdf_flow_free(struct pdf_flow *f)
{
	buf_free(&f->operators);
	free(f->lines);
	*f = (struct pdf_flow){0};
}

static struct pdf_line *new_line(struct pdf_flow *f)
{
	if (f->count == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 4;
		f->lines =
		    mem_realloc(f->lines, (size_t)f->cap, sizeof(*f->lines));
	}
	return &f->lines[f->count++];
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
static void begin_paragraph(struct face *face, struct pdf_flow *f)
{
	const char *s = f->text + f->next, *end = f->text + f->len;

	f->shaped = false;
	while (s < end && separator(s, end) == 0) {
		unsigned char byte = (unsigned char)*s;

		if (byte < 0x80 && face->plain[byte].state == HAVE)
			s++;
		else if (plain_of(face, utf8_next(&s, end)) == NULL)
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

static bool is_small(uint32_t c)
{
	return c >= 'a' && c <= 'z';
}

static int in_points(int64_t width, int size)
{
	int64_t wide = width * size / 1000 + ROUNDING;

	return wide < PDF_UNLIMITED ? (int)wide : PDF_UNLIMITED;
}

/* Squeezes a paragraph of a solid text, which is too wide, into one line; false
 * when it would become too narrow. */
static bool squeezed_line(
    struct face *face, struct pdf_flow *f, int limit, int size)
{
	const char *s = f->text + f->next, *end = f->text + f->paragraph;
	int64_t width = 0, squeeze;

	while (f->solid && s < end)
		width += plain_of(face, utf8_next(&s, end))->width;
	squeeze = width > 0 ? (int64_t)limit * 100 / width : 0;
	f->solid = squeeze >= PDF_SQUEEZE;
	if (!f->solid) {
		if (width > 0)
			f->wide = in_points(width, size);
		return false;
	}
	*new_line(f) = (struct pdf_line){.at = f->next,
	    .len = f->paragraph - f->next,
	    .width = (int)(width * squeeze / 100 * size / 1000),
	    .squeeze = (int)squeeze};
	f->next = f->paragraph;
	return true;
}

/* Nearly every byte takes at least this many thousandths of the size. */
#define NARROW 100

/* The end of a line: the next line begins at `next`, the visible part ends at
 * `ink`. */
struct end {
	const char *next, *ink;
	int64_t width; /* width of the visible part */
	bool inside;   /* the end is inside of a word */
};

/* Takes the whole text when it has room on a line, as most values of a table
 * do. end.next is NULL when it has not. */
static struct end fits_whole(
    struct face *face, const char *begin, const char *end, int limit)
{
	const char *s = begin, *ink = begin;
	int64_t width = 0, ink_width = 0;

	while (s < end) {
		uint32_t c = utf8_next(&s, end);

		width += plain_of(face, c)->width;
		if (c == ' ' || c == '\t')
			continue;
		if (width > limit)
			return (struct end){0};
		ink = s;
		ink_width = width;
	}
	return (struct end){end, ink, ink_width, false};
}

/* Finds the end of a line of a text that has no room on it: the last strong
 * place, else the last weak one, else a place within a word. A line has at
 * least one character, whatever the width. */
static struct end find_end(
    struct face *face, const char *begin, const char *end, int limit)
{
	struct end strong = {begin, begin, 0, false}, weak = strong;
	const char *s = begin, *ink = begin;
	int64_t width = 0, ink_width = 0;
	uint32_t before = 0;

	while (s < end) {
		uint32_t c = utf8_next(&s, end);
		int class = pdf_break_class(c), may = NO_BREAK;

		width += plain_of(face, c)->width;
		if (class == PDF_BREAK_CAPITAL && is_small(before))
			weak = (struct end){ink, ink, ink_width, false};
		if (c != ' ' && c != '\t') {
			if (width > limit && ink != begin)
				return strong.next != begin ? strong
				       : weak.next != begin
					   ? weak
					   : (struct end){
						 ink, ink, ink_width, true};
			ink = s;
			ink_width = width;
		}
		if (class != 0)
			may = pdf_break_after(class, before, s, end);
		before = c;
		if (may == STRONG)
			strong = (struct end){s, ink, ink_width, false};
		else if (may == WEAK)
			weak = (struct end){ink, ink, ink_width, false};
	}
	return (struct end){end, ink, ink_width, false};
}

/* Finds the first place where a line may end. */
static struct end find_word(
    struct face *face, const char *begin, const char *end)
{
	const char *s = begin;
	int64_t width = 0;
	uint32_t before = 0;

	while (s < end) {
		const char *from = s;
		uint32_t c = utf8_next(&s, end);
		int class = pdf_break_class(c);

		if (c == ' ' || c == '\t' ||
		    (class == PDF_BREAK_CAPITAL && is_small(before)))
			return (struct end){from, from, width, false};
		width += plain_of(face, c)->width;
		if (class != 0 &&
		    pdf_break_after(class, before, s, end) != NO_BREAK)
			break;
		before = c;
	}
	return (struct end){s, s, width, false};
}

/* Squeezes a word for which the line has no room; false when it would become
 * too narrow. */
static bool squeezed_word(
    struct face *face, struct pdf_flow *f, int limit, int size)
{
	const char *begin = f->text + f->next;
	struct end word = find_word(face, begin, f->text + f->paragraph);
	int64_t squeeze =
	    word.width > 0 ? (int64_t)limit * 100 / word.width : 0;
	int wide = in_points(word.width, size);

	if (squeeze < SQUEEZE_WORD) {
		f->wide = wide > f->wide ? wide : f->wide;
		return false;
	}
	*new_line(f) = (struct pdf_line){.at = f->next,
	    .len = (size_t)(word.ink - begin),
	    .width = (int)(word.width * squeeze / 100 * size / 1000),
	    .squeeze = (int)squeeze};
	while (word.next < f->text + f->paragraph && *word.next == ' ')
		word.next++;
	f->next = (size_t)(word.next - f->text);
	return true;
}

/* Makes one line from `next` on; `limit` is in thousandths of the size. */
static void plain_line(
    struct face *face, struct pdf_flow *f, int limit, int size)
{
	const char *begin = f->text + f->next;
	const char *end = f->text + f->paragraph;
	struct end line = {0};

	if (end - begin <= limit / NARROW)
		line = fits_whole(face, begin, end, limit);
	if (line.next == NULL)
		line = find_end(face, begin, end, limit);
	if (line.next != end && f->solid && squeezed_line(face, f, limit, size))
		return;
	if (line.inside && !f->inside && squeezed_word(face, f, limit, size))
		return;
	f->inside = line.inside;
	*new_line(f) = (struct pdf_line){.at = f->next,
	    .len = (size_t)(line.ink - begin),
	    .width = (int)(line.width * size / 1000)};
	while (line.next < end && *line.next == ' ')
		line.next++;
	f->next = (size_t)(line.next - f->text);
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
    struct face *face, const char *s, const char *end, int size)
{
	int64_t width = 0, longest = 0;
	uint32_t before = 0;

	while (s < end) {
		uint32_t c = utf8_next(&s, end);
		const struct plain *p = plain_of(face, c);

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
	return (int)(longest * size / 1000) + ROUNDING;
}

static int shaped_lines(struct pdf_text *t, struct pdf_flow *f,
    struct pdf_style style, int width, struct err *e)
{
	struct pdf_shaped s = {.text = f->text + f->next,
	    .len = f->paragraph - f->next,
	    .style = style,
	    .width = width,
	    .least = SQUEEZE_WORD,
	    .rtl = f->rtl,
	    .out = &f->operators};

	pdf_shape_begin(t->shape, &s);
	if (s.word > width * 100 / SQUEEZE_WORD && s.word > f->wide)
		f->wide = s.word;
	while (pdf_shape_next(t->shape, &s)) {
		struct pdf_line *line = new_line(f);

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
	struct face *face = &t->faces[style.weight];
	int limit = (int)((int64_t)width * 1000 / style.size);

	while (pdf_flow_ready(f) < want && f->next < f->len) {
		compact(f);
		if (f->next >= f->paragraph)
			begin_paragraph(face, f);
		if (!f->shaped)
			plain_line(face, f, limit, style.size);
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
    struct face *face, struct buf *b, const char *s, size_t len)
{
	const char *end = s + len;
	char *at = buf_reserve(b, len * 4 + 6);

	if (at == NULL)
		return;
	*at++ = '(';
	while (s < end) {
		const struct plain *p = plain_of(face, utf8_next(&s, end));

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
	struct face *face = &t->faces[style.weight];

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
	return widest + ROUNDING;
}
