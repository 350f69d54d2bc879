/* SPDX-License-Identifier: MIT */
#include "encode/pdf/font.h"

#include <hb-ot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/pdf/embed.h"

/* Glyphs of a subfont: a string names a picture by one byte. A subset of
 * outlines is made in memory and takes some kilobytes a glyph, so that
 * thousands of Han characters are split over several subsets. */
#define PICTURES 256
#define OUTLINES 1024

struct pdf_font {
	struct pdf_fonts *fonts;
	int number;
	PangoFont *pango; /* set for a font of pictures */
	hb_face_t *face;
	hb_font_t *font; /* with the place on the axes of a variable font */
	unsigned int glyphs;
	uint32_t *means; /* character of each glyph */
	uint16_t *order; /* order of first use of each glyph, from 1 */
	int count;       /* glyphs used */
	struct pdf_picture *pictures; /* in order of first use */
	int cap;
};

struct pdf_fonts {
	struct pdf_file *file;
	struct pdf_font **fonts;
	int count, subsets;
};

struct pdf_fonts *pdf_fonts_open(struct pdf_file *file)
{
	struct pdf_fonts *fonts = mem_zalloc(sizeof(*fonts));

	fonts->file = file;
	return fonts;
}

static void font_free(struct pdf_font *f)
{
	if (f->pango != NULL)
		g_object_unref(f->pango);
	hb_font_destroy(f->font);
	hb_face_destroy(f->face);
	free(f->means);
	free(f->order);
	free(f->pictures);
	free(f);
}

void pdf_fonts_free(struct pdf_fonts *fonts)
{
	if (fonts == NULL)
		return;
	for (int i = 0; i < fonts->count; i++)
		font_free(fonts->fonts[i]);
	free(fonts->fonts);
	free(fonts);
}

static bool has_pictures(hb_face_t *face)
{
	return hb_ot_color_has_png(face) || hb_ot_color_has_layers(face) ||
	       hb_ot_color_has_svg(face);
}

static struct pdf_font *font_open(
    struct pdf_fonts *fonts, hb_face_t *face, PangoFont *pango)
{
	struct pdf_font *f = mem_zalloc(sizeof(*f));
	const float *coords;
	unsigned int axes;

	f->fonts = fonts;
	f->number = fonts->count;
	f->face = hb_face_reference(face);
	f->font = hb_font_create(face);
	hb_font_set_scale(f->font, 1000, 1000);
	coords =
	    hb_font_get_var_coords_design(pango_font_get_hb_font(pango), &axes);
	hb_font_set_var_coords_design(f->font, coords, axes);
	f->glyphs = hb_face_get_glyph_count(face);
	f->means = mem_zalloc(f->glyphs * sizeof(*f->means) + 1);
	f->order = mem_zalloc(f->glyphs * sizeof(*f->order) + 1);
	if (has_pictures(face))
		f->pango = g_object_ref(pango);
	return f;
}

/* Returns whether two fonts have the same outlines. One file of a variable font
 * has those of all weights. */
static bool same_font(
    const struct pdf_font *f, hb_face_t *face, hb_font_t *font)
{
	unsigned int here, there;
	const int *one, *other;

	if (f->face != face)
		return false;
	one = hb_font_get_var_coords_normalized(f->font, &here);
	other = hb_font_get_var_coords_normalized(font, &there);
	return here == there &&
	       (here == 0 || memcmp(one, other, here * sizeof(*one)) == 0);
}

struct pdf_font *pdf_font_of(struct pdf_fonts *fonts, PangoFont *pango)
{
	hb_font_t *font = pango_font_get_hb_font(pango);
	hb_face_t *face = hb_font_get_face(font);

	for (int i = 0; i < fonts->count; i++) {
		if (same_font(fonts->fonts[i], face, font))
			return fonts->fonts[i];
	}
	fonts->fonts = mem_realloc(
	    fonts->fonts, (size_t)fonts->count + 1, sizeof(*fonts->fonts));
	fonts->fonts[fonts->count] = font_open(fonts, face, pango);
	return fonts->fonts[fonts->count++];
}

static int add_picture(struct pdf_font *f, unsigned int glyph, struct err *e)
{
	if (f->count == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 16;
		f->pictures = mem_realloc(
		    f->pictures, (size_t)f->cap, sizeof(*f->pictures));
	}
	return pdf_embed_picture(
	    f->fonts->file, f->pango, glyph, &f->pictures[f->count], e);
}

int pdf_font_glyph(struct pdf_font *f, unsigned int glyph, uint32_t c,
    struct pdf_glyph *out, struct err *e)
{
	int place;

	if (glyph >= f->glyphs)
		glyph = 0;
	if (f->order[glyph] == 0) {
		if (f->pango != NULL && add_picture(f, glyph, e) != 0)
			return -1;
		f->order[glyph] = (uint16_t)++f->count;
	}
	if (f->means[glyph] == 0)
		f->means[glyph] = c;
	place = f->order[glyph] - 1;
	*out = (struct pdf_glyph){.font = f,
	    .subfont = place / (f->pango ? PICTURES : OUTLINES),
	    .code = f->pango ? place % PICTURES : (int)glyph,
	    .bytes = f->pango ? 1 : 2,
	    .means = f->means[glyph],
	    .width = hb_font_get_glyph_h_advance(f->font, glyph)};
	return 0;
}

void pdf_font_select(
    struct buf *b, const struct pdf_font *font, int subfont, int size)
{
	buf_printf(b, "/F%d_%d %d.%02d Tf\n", font->number, subfont, size / 100,
	    size % 100);
}

/* Makes the name of a subset, which PDF marks by letters before the name of the
 * font. */
static void name_of(struct pdf_font *f, char *name, size_t size)
{
	char own[64] = "";
	unsigned int len = sizeof(own);
	int subset = f->fonts->subsets++;
	size_t n;

	hb_ot_name_get_utf8(f->face, HB_OT_NAME_ID_POSTSCRIPT_NAME,
	    HB_LANGUAGE_INVALID, &len, own);
	n = (size_t)snprintf(name, size, "REP%c%c%c+",
	    'A' + subset / (26 * 26) % 26, 'A' + subset / 26 % 26,
	    'A' + subset % 26);
	for (const char *s = own; *s != '\0' && n + 1 < size; s++) {
		if (g_ascii_isalnum(*s) || *s == '-')
			name[n++] = *s;
	}
	name[n] = '\0';
}

/* Writes the subset of glyphs that starts after the `first` glyphs in order of
 * use. */
static int write_subset(
    struct pdf_font *f, int object, int first, struct err *e)
{
	char name[80];
	struct pdf_embed embed = {.file = f->fonts->file,
	    .face = f->face,
	    .font = f->font,
	    .means = f->means,
	    .name = name};
	hb_set_t *used;
	int rc;

	if (f->pango != NULL)
		return pdf_embed_pictures(&embed, object, f->pictures + first,
		    MIN(f->count - first, PICTURES), e);
	name_of(f, name, sizeof(name));
	used = hb_set_create();
	for (unsigned int i = 0; i < f->glyphs; i++) {
		if (f->order[i] > first && f->order[i] <= first + OUTLINES)
			hb_set_add(used, i);
	}
	embed.used = used;
	rc = pdf_embed_font(&embed, object, e);
	hb_set_destroy(used);
	return rc;
}

static int write_font(struct pdf_font *f, struct buf *resources, struct err *e)
{
	int step = f->pango ? PICTURES : OUTLINES;

	for (int first = 0; first < f->count; first += step) {
		int object = pdf_file_number(f->fonts->file);

		if (write_subset(f, object, first, e) != 0)
			return -1;
		buf_printf(resources, "/F%d_%d %d 0 R\n", f->number,
		    first / step, object);
	}
	return 0;
}

int pdf_fonts_write(
    struct pdf_fonts *fonts, struct buf *resources, struct err *e)
{
	for (int i = 0; i < fonts->count; i++) {
		if (write_font(fonts->fonts[i], resources, e) != 0)
			return -1;
	}
	return 0;
}
