/* SPDX-License-Identifier: MIT */
#include "encode/pdf/shape.h"

#include <hb.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "encode/pdf/family.h"

/* Layout is done at this many units an em: pango measures lines in int, so a
 * line may be two hundred times as long as the longest piece below. */
#define EM 100
#define UNITS (EM * PANGO_SCALE)
/* Bytes of a paragraph that are shaped at once. */
#define PIECE ((size_t)4096)

struct pdf_shape {
	struct pdf_fonts *fonts;
	PangoFontMap *map;
	PangoContext *context;
	PangoFontDescription *faces[2]; /* font description of each weight */
	PangoLayout *layout;
	bool replace;
	struct pdf_replaced replaced;
	int widths[PIECE];  /* width of each character of the piece */
	size_t ends[PIECE]; /* end of each line of the piece */
};

/* Turns hinting and rounding off, so that glyphs scale and look the same
 * everywhere. */
static void set_precise(PangoContext *context)
{
	cairo_font_options_t *options = cairo_font_options_create();

	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
	pango_cairo_context_set_font_options(context, options);
	cairo_font_options_destroy(options);
	pango_context_set_round_glyph_positions(context, FALSE);
}

struct pdf_shape *pdf_shape_open(struct pdf_fonts *fonts,
    const struct pdf_text_options *options, struct err *e)
{
	struct pdf_shape *s = mem_zalloc(sizeof(*s));

	s->fonts = fonts;
	s->replace = options->replace;
	s->map = g_object_ref(pango_cairo_font_map_get_default());
	s->context = pango_font_map_create_context(s->map);
	set_precise(s->context);
	pango_context_set_language(
	    s->context, pango_language_from_string(options->language));
	for (int i = 0; i < 2; i++) {
		s->faces[i] = pango_font_description_new();
		pango_font_description_set_absolute_size(s->faces[i], UNITS);
		pango_font_description_set_weight(s->faces[i],
		    i == PDF_BOLD ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
	}
	s->layout = pango_layout_new(s->context);
	pango_layout_set_auto_dir(s->layout, FALSE);
	if (pdf_family_set(s->context, s->faces, 2, options->family, e) == 0)
		return s;
	pdf_shape_free(s);
	return NULL;
}

void pdf_shape_free(struct pdf_shape *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < 2; i++)
		pango_font_description_free(s->faces[i]);
	g_object_unref(s->layout);
	g_object_unref(s->context);
	g_object_unref(s->map);
	free(s);
}

struct pdf_replaced *pdf_shape_replaced(struct pdf_shape *s)
{
	return &s->replaced;
}

PangoFont *pdf_shape_font(
    struct pdf_shape *s, enum pdf_weight weight, struct err *e)
{
	PangoFont *font =
	    pango_font_map_load_font(s->map, s->context, s->faces[weight]);

	if (font == NULL)
		err_set(e, ERR_PERMANENT,
		    "PDF: no font is installed for \"%s\", nor any other",
		    pango_font_description_get_family(s->faces[weight]));
	return font;
}

/* The first letter with a direction decides. */
bool pdf_shape_rtl(const char *text, size_t len)
{
	hb_unicode_funcs_t *unicode = hb_unicode_funcs_get_default();
	const char *end = text + MIN(len, PIECE);

	while (text < end) {
		hb_script_t script =
		    hb_unicode_script(unicode, utf8_next(&text, end));

		if (script != HB_SCRIPT_COMMON &&
		    script != HB_SCRIPT_INHERITED &&
		    script != HB_SCRIPT_UNKNOWN)
			return hb_script_get_horizontal_direction(script) ==
			       HB_DIRECTION_RTL;
	}
	return false;
}

/* Finds the glyph that replaces a character which no font has. */
static int substitute(struct pdf_shape *s, struct pdf_glyph *out, struct err *e)
{
	PangoFont *font = pdf_shape_font(s, PDF_PLAIN, e);
	uint32_t c = UTF8_MARK;
	hb_codepoint_t code = 0;
	int rc;

	if (font == NULL)
		return -1;
	if (!hb_font_get_nominal_glyph(
		pango_font_get_hb_font(font), c, &code)) {
		c = '?';
		hb_font_get_nominal_glyph(
		    pango_font_get_hb_font(font), c, &code);
	}
	rc = pdf_font_glyph(pdf_font_of(s->fonts, font), code, c, out, e);
	g_object_unref(font);
	return rc;
}

/* Returns the only line of the layout. Pango leaves room for a box with a
 * number where no font has a character; the replacement has another width,
 * which is set here. */
static PangoLayoutLine *only_line(struct pdf_shape *s)
{
	PangoLayoutLine *line = pango_layout_get_line(s->layout, 0);
	struct pdf_glyph glyph = {.width = -1};
	struct err none;

	for (GSList *l = line->runs; l != NULL; l = l->next) {
		PangoGlyphString *glyphs = ((PangoGlyphItem *)l->data)->glyphs;

		for (int i = 0; i < glyphs->num_glyphs; i++) {
			PangoGlyphInfo *g = &glyphs->glyphs[i];

			if (!(g->glyph & PANGO_GLYPH_UNKNOWN_FLAG))
				continue;
			if (glyph.width < 0 && substitute(s, &glyph, &none) < 0)
				return line;
			g->geometry.width = glyph.width * UNITS / 1000;
			g->geometry.x_offset = g->geometry.y_offset = 0;
		}
	}
	return line;
}

/* Measures the width of each character of the layout; those of a cluster share
 * its width evenly. */
static void measure(struct pdf_shape *s, const char *text)
{
	for (GSList *l = only_line(s)->runs; l != NULL; l = l->next) {
		PangoGlyphItem *run = l->data;
		long first =
		    g_utf8_pointer_to_offset(text, text + run->item->offset);

		pango_glyph_item_get_logical_widths(
		    run, text, s->widths + first);
	}
}

/* Returns the end of the line that begins with character `first`, which is at
 * `at`: the last place with room where Unicode allows a break or that follows
 * _, or else any place between two characters. */
static int break_behind(const struct pdf_shape *s, const char *at, int first,
    int count, int64_t width)
{
	int attr_count, fits = first, any = first + 1;
	const PangoLogAttr *attrs =
	    pango_layout_get_log_attrs_readonly(s->layout, &attr_count);
	bool underscore = false;
	int64_t sum = 0;

	for (int i = first; i < count; i++) {
		if (i > first && (attrs[i].is_line_break || underscore))
			fits = i;
		if (i > first && sum <= width && attrs[i].is_char_break)
			any = i;
		sum += s->widths[i];
		if (sum > width && i > first && !attrs[i].is_white)
			return fits > first ? fits : any;
		underscore = *at == '_';
		at = g_utf8_next_char(at);
	}
	return count;
}

/* Returns the width of the longest stretch in which no line may end. */
static int64_t longest_word(
    const struct pdf_shape *s, const char *at, int count)
{
	int attr_count;
	const PangoLogAttr *attrs =
	    pango_layout_get_log_attrs_readonly(s->layout, &attr_count);
	bool underscore = false;
	int64_t sum = 0, longest = 0;

	for (int i = 0; i < count; i++) {
		if (attrs[i].is_line_break || underscore)
			sum = 0;
		sum += s->widths[i];
		if (sum > longest && !attrs[i].is_white)
			longest = sum;
		underscore = *at == '_';
		at = g_utf8_next_char(at);
	}
	return longest;
}

/* Sets the text of the layout with spaces for tabs: tables have columns
 * instead. */
static void set_text(PangoLayout *layout, const char *text, size_t len)
{
	char *copy;

	if (memchr(text, '\t', len) == NULL) {
		pango_layout_set_text(layout, text, (int)len);
		return;
	}
	copy = mem_strndup(text, len);
	for (char *tab = copy; (tab = strchr(tab, '\t')) != NULL;)
		*tab = ' ';
	pango_layout_set_text(layout, copy, (int)len);
	free(copy);
}

/* Pango's own wrapping is not used: an assertion in it ends the process when a
 * width has room for nothing. Pango is given one line at a time. */
void pdf_shape_begin(struct pdf_shape *s, struct pdf_shaped *t)
{
	size_t len = MIN(t->len, PIECE);
	const char *at = t->text;
	int64_t width, word;
	int count, end = 0;

	while (len < t->len && (t->text[len] & 0xC0) == 0x80)
		len--;
	pango_context_set_base_dir(
	    s->context, t->rtl ? PANGO_DIRECTION_RTL : PANGO_DIRECTION_LTR);
	pango_layout_context_changed(s->layout);
	pango_layout_set_font_description(s->layout, s->faces[t->style.weight]);
	set_text(s->layout, t->text, len);
	count = pango_layout_get_character_count(s->layout);
	measure(s, pango_layout_get_text(s->layout));
	word = longest_word(s, at, count);
	t->word = (int)(MIN(word * t->style.size / UNITS, PDF_UNLIMITED)) + 1;
	if (t->word > t->width && t->word <= t->width * 100 / t->least)
		t->style.size =
		    (int)((int64_t)t->style.size * t->width / t->word);
	width = (int64_t)t->width * UNITS / t->style.size;
	t->taken = 0;
	t->index = t->count = 0;
	while (end < count) {
		int begin = end;

		end = break_behind(s, at, begin, count, width);
		at = g_utf8_offset_to_pointer(at, end - begin);
		s->ends[t->count++] = (size_t)(at - t->text);
	}
	if (len < t->len && t->count > 1)
		t->count--;
}

bool pdf_shape_next(struct pdf_shape *s, struct pdf_shaped *t)
{
	const char *begin = t->text + t->taken;
	PangoRectangle extents;
	size_t len;

	if (t->index == t->count)
		return false;
	len = s->ends[t->index] - t->taken;
	t->taken = s->ends[t->index++];
	/* Spaces at the end of a line take no room. */
	while (len > 0 && begin[len - 1] == ' ')
		len--;
	set_text(s->layout, begin, (size_t)len);
	t->line = only_line(s);
	pango_layout_line_get_extents(t->line, NULL, &extents);
	t->line_width = (int)((int64_t)extents.width * t->style.size / UNITS);
	return true;
}

/* ---- a line as operators ---- */

struct writer {
	struct pdf_shape *shape;
	struct buf *b;
	int size;
	const struct pdf_font *font; /* the font that is selected */
	int subfont;
	double pen; /* place of the next glyph without a move */
	double rise;
	bool array, string;
};

static void end_string(struct writer *w)
{
	if (w->string)
		buf_char(w->b, ')');
	w->string = false;
}

static void end_array(struct writer *w)
{
	end_string(w);
	if (w->array)
		buf_str(w->b, "]TJ\n");
	w->array = false;
}

static void set_rise(struct writer *w, double rise)
{
	if (fabs(rise - w->rise) < 1)
		return;
	end_array(w);
	w->rise = rise;
	buf_printf(w->b, "%.2f Ts\n", rise * w->size / 100000);
}

static void put_code(struct writer *w, const struct pdf_glyph *g)
{
	for (int i = g->bytes - 1; i >= 0; i--) {
		unsigned int byte = (unsigned int)g->code >> (8 * i) & 0xFF;

		if (byte == '(' || byte == ')' || byte == '\\')
			buf_char(w->b, '\\');
		if (byte == '\r')
			buf_str(w->b, "\\r");
		else
			buf_char(w->b, (char)byte);
	}
}

/* Writes a glyph at a place in the line and a height above it, both in
 * thousandths of the size. */
static void put_glyph(
    struct writer *w, const struct pdf_glyph *g, double x, double rise)
{
	double move;

	if (g->font != w->font || g->subfont != w->subfont) {
		end_array(w);
		w->font = g->font;
		w->subfont = g->subfont;
		pdf_font_select(w->b, g->font, g->subfont, w->size);
	}
	set_rise(w, rise);
	if (!w->array)
		buf_char(w->b, '[');
	w->array = true;
	move = round(x - w->pen);
	if (move != 0) {
		end_string(w);
		buf_printf(w->b, "%.0f", -move);
		w->pen += move;
	}
	if (!w->string)
		buf_char(w->b, '(');
	w->string = true;
	put_code(w, g);
	w->pen += g->width;
}

static int missing(
    struct pdf_shape *s, PangoGlyph glyph, struct pdf_glyph *out, struct err *e)
{
	uint32_t c = glyph & ~(PangoGlyph)PANGO_GLYPH_UNKNOWN_FLAG;

	if (utf8_is_control(c))
		return substitute(s, out, e);
	if (!s->replace)
		return err_set(e, ERR_PERMANENT,
		    "no installed font has the character U+%04X (install one "
		    "that has it, or set \"missing_glyph\" to \"replace\")",
		    c);
	if (s->replaced.count++ == 0)
		s->replaced.first = c;
	return substitute(s, out, e);
}

/* The glyphs `first` to `last` of a run, which show one cluster of
 * characters. */
struct cluster {
	PangoGlyphItem *run;
	int first, last;
	const char *text;
	int len, chars;
};

static int shown_glyphs(const struct cluster *c)
{
	int n = 0;

	for (int i = c->first; i <= c->last; i++)
		n += c->run->glyphs->glyphs[i].glyph != PANGO_GLYPH_EMPTY;
	return n;
}

/* Writes a cluster at *x and moves *x past it. */
static int put_cluster(
    struct writer *w, const struct cluster *c, double *x, struct err *e)
{
	struct pdf_font *font =
	    pdf_font_of(w->shape->fonts, c->run->item->analysis.font);
	bool single = c->chars == 1 && shown_glyphs(c) == 1;
	bool marked = false;

	for (int i = c->first; i <= c->last; i++) {
		const PangoGlyphInfo *info = &c->run->glyphs->glyphs[i];
		uint32_t means = single ? g_utf8_get_char(c->text) : 0;
		struct pdf_glyph g;

		if (info->glyph != PANGO_GLYPH_EMPTY) {
			bool lost = info->glyph & PANGO_GLYPH_UNKNOWN_FLAG;

			if ((lost ? missing(w->shape, info->glyph, &g, e)
				  : pdf_font_glyph(
					font, info->glyph, means, &g, e)) != 0)
				return -1;
			if (!marked && !lost && (!single || g.means != means)) {
				end_array(w);
				buf_str(w->b, "/Span<</ActualText");
				pdf_file_text(w->b, c->text, (size_t)c->len);
				buf_str(w->b, ">>BDC\n");
				marked = true;
			}
			put_glyph(w, &g,
			    *x + info->geometry.x_offset * 1000.0 / UNITS,
			    -info->geometry.y_offset * 1000.0 / UNITS);
		}
		*x += info->geometry.width * 1000.0 / UNITS;
	}
	if (marked) {
		end_array(w);
		buf_str(w->b, "EMC\n");
	}
	return 0;
}

static int put_run(struct writer *w, PangoGlyphItem *run, const char *text,
    double *x, struct err *e)
{
	bool rtl = run->item->analysis.level % 2 != 0;
	PangoGlyphItemIter i;
	bool more = rtl ? pango_glyph_item_iter_init_end(&i, run, text)
			: pango_glyph_item_iter_init_start(&i, run, text);

	while (more) {
		struct cluster c = {.run = run,
		    .first = rtl ? i.end_glyph + 1 : i.start_glyph,
		    .last = rtl ? i.start_glyph : i.end_glyph - 1,
		    .text = text + i.start_index,
		    .len = i.end_index - i.start_index,
		    .chars = i.end_char - i.start_char};

		if (put_cluster(w, &c, x, e) != 0)
			return -1;
		more = rtl ? pango_glyph_item_iter_prev_cluster(&i)
			   : pango_glyph_item_iter_next_cluster(&i);
	}
	return 0;
}

int pdf_shape_line(struct pdf_shape *s, struct pdf_shaped *t, struct err *e)
{
	struct writer w = {.shape = s, .b = t->out, .size = t->style.size};
	double x = 0;

	for (GSList *run = t->line->runs; run != NULL; run = run->next) {
		if (put_run(&w, run->data, pango_layout_get_text(s->layout), &x,
			e) != 0)
			return -1;
	}
	set_rise(&w, 0);
	end_array(&w);
	return 0;
}
