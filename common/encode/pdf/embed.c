/* SPDX-License-Identifier: MIT */
#include "encode/pdf/embed.h"

#include <hb-ot.h>
#include <hb-subset.h>
#include <string.h>

#define DICTIONARY_MAX ((size_t)64 << 20)
#define TAG(a, b, c, d) HB_TAG(a, b, c, d)

/* Maps the codes in strings to characters, for search and copying. */
struct meaning {
	struct buf text;
	int bytes; /* bytes of a code */
	int count; /* entries in the open block */
};

static void meaning_open(struct meaning *m, int bytes)
{
	*m = (struct meaning){.bytes = bytes};
	buf_init(&m->text, DICTIONARY_MAX);
	buf_str(&m->text,
	    "/CIDInit/ProcSet findresource begin\n12 dict begin\nbegincmap\n"
	    "/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n"
	    "/CMapName/Adobe-Identity-UCS def\n/CMapType 2 def\n"
	    "1 begincodespacerange\n");
	buf_printf(&m->text, "<%0*X><%0*X>\nendcodespacerange\n", bytes * 2, 0u,
	    bytes * 2, bytes == 2 ? 0xFFFFu : 0xFFu);
}

static void meaning_add(struct meaning *m, unsigned int code, uint32_t c)
{
	if (c == 0)
		return;
	buf_printf(&m->text, "1 beginbfchar\n<%0*X>", m->bytes * 2, code);
	if (c >= 0x10000)
		buf_printf(&m->text, "<%04X%04X>\n", 0xD7C0 + (c >> 10),
		    0xDC00 + (c & 0x3FF));
	else
		buf_printf(&m->text, "<%04X>\n", c);
	buf_str(&m->text, "endbfchar\n");
}

static int meaning_write(
    struct meaning *m, struct pdf_file *file, int object, struct err *e)
{
	int rc;

	buf_str(&m->text, "endcmap\nCMapName currentdict/CMap defineresource "
			  "pop\nend\nend\n");
	rc = pdf_file_stream(file, object, "", m->text.data, m->text.len, e);
	buf_free(&m->text);
	return rc;
}

/* ---- outlines ---- */

static hb_blob_t *table(hb_face_t *face, hb_tag_t tag)
{
	hb_blob_t *blob = hb_face_reference_table(face, tag);

	if (hb_blob_get_length(blob) > 0)
		return blob;
	hb_blob_destroy(blob);
	return NULL;
}

/* Fixes the outlines of a variable font at the font's place on its axes. */
static void pin_axes(const struct pdf_embed *f, hb_subset_input_t *input)
{
	const float *coords;
	unsigned int axes;

	coords = hb_font_get_var_coords_design(f->font, &axes);
	for (unsigned int i = 0; i < axes; i++) {
		hb_ot_var_axis_info_t axis;
		unsigned int one = 1;

		hb_ot_var_get_axis_infos(f->face, i, &one, &axis);
		if (one == 1)
			hb_subset_input_pin_axis_location(
			    input, f->face, axis.tag, coords[i]);
	}
}

/* Returns the CFF program, or else the whole TrueType file; PDF knows no
 * others. */
static hb_blob_t *program_of(hb_face_t *face, bool *cff)
{
	hb_blob_t *blob = table(face, TAG('C', 'F', 'F', ' '));

	*cff = blob != NULL;
	if (*cff)
		return blob;
	blob = table(face, TAG('g', 'l', 'y', 'f'));
	hb_blob_destroy(blob);
	return blob ? hb_face_reference_blob(face) : NULL;
}

static hb_blob_t *subset(
    const struct pdf_embed *f, bool *outlines_cff, struct err *e)
{
	hb_subset_input_t *input = hb_subset_input_create_or_fail();
	hb_set_t *drop;
	hb_face_t *face = NULL;
	hb_blob_t *blob = NULL;

	if (input == NULL)
		goto out;
	hb_set_union(hb_subset_input_glyph_set(input), f->used);
	hb_subset_input_set_flags(
	    input, HB_SUBSET_FLAGS_RETAIN_GIDS | HB_SUBSET_FLAGS_NO_HINTING);
	drop = hb_subset_input_set(input, HB_SUBSET_SETS_DROP_TABLE_TAG);
	hb_set_add(drop, TAG('G', 'S', 'U', 'B'));
	hb_set_add(drop, TAG('G', 'P', 'O', 'S'));
	hb_set_add(drop, TAG('G', 'D', 'E', 'F'));
	hb_set_clear(hb_subset_input_set(input, HB_SUBSET_SETS_NAME_ID));
	pin_axes(f, input);
	face = hb_subset_or_fail(f->face, input);
	if (face != NULL)
		blob = program_of(face, outlines_cff);
out:
	hb_face_destroy(face);
	hb_subset_input_destroy(input);
	if (blob == NULL)
		err_set(e, ERR_PERMANENT,
		    "PDF: font %s cannot be embedded; choose another as "
		    "\"font\"",
		    f->name);
	return blob;
}

static int write_program(
    const struct pdf_embed *f, int object, bool *cff, struct err *e)
{
	hb_blob_t *blob = subset(f, cff, e);
	char entries[64];
	unsigned int len;
	const char *data;
	int rc;

	if (blob == NULL)
		return -1;
	data = hb_blob_get_data(blob, &len);
	if (*cff)
		snprintf(entries, sizeof(entries), "/Subtype/CIDFontType0C");
	else
		snprintf(entries, sizeof(entries), "/Length1 %u", len);
	rc = pdf_file_stream(f->file, object, entries, data, len, e);
	hb_blob_destroy(blob);
	return rc;
}

static int head(const char *data, unsigned int len, unsigned int at)
{
	if (at + 2 > len)
		return 0;
	return (int16_t)((unsigned char)data[at] << 8 |
			 (unsigned char)data[at + 1]);
}

/* Writes the box that encloses all glyphs: xMin to yMax of the table "head". */
static void add_box(const struct pdf_embed *f, struct buf *b)
{
	hb_blob_t *blob =
	    hb_face_reference_table(f->face, TAG('h', 'e', 'a', 'd'));
	int upem = (int)hb_face_get_upem(f->face);
	unsigned int len;
	const char *data = hb_blob_get_data(blob, &len);

	buf_str(b, "/FontBBox[");
	for (unsigned int at = 36; at < 44; at += 2)
		buf_printf(b, " %d", head(data, len, at) * 1000 / upem);
	buf_str(b, "]");
	hb_blob_destroy(blob);
}

static int write_descriptor(
    const struct pdf_embed *f, int object, int program, bool cff, struct err *e)
{
	hb_font_extents_t extents = {.ascender = 800, .descender = -200};
	struct buf b;
	int rc;

	hb_font_get_h_extents(f->font, &extents);
	buf_init(&b, DICTIONARY_MAX);
	buf_printf(&b,
	    "<</Type/FontDescriptor/FontName/%s/Flags 4/ItalicAngle 0"
	    "/Ascent %d/Descent %d/CapHeight 700/StemV 80/%s %d 0 R",
	    f->name, extents.ascender, extents.descender,
	    cff ? "FontFile3" : "FontFile2", program);
	add_box(f, &b);
	buf_str(&b, ">>");
	rc = pdf_file_object(f->file, object, &b, e);
	buf_free(&b);
	return rc;
}

static int write_cid_font(const struct pdf_embed *f, int object, int descriptor,
    bool cff, struct err *e)
{
	hb_codepoint_t glyph = HB_SET_VALUE_INVALID, last = glyph;
	struct buf b;
	int rc;

	buf_init(&b, DICTIONARY_MAX);
	buf_printf(&b,
	    "<</Type/Font/Subtype/CIDFontType%d/BaseFont/%s"
	    "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
	    "/FontDescriptor %d 0 R%s/W[",
	    cff ? 0 : 2, f->name, descriptor,
	    cff ? "" : "/CIDToGIDMap/Identity");
	while (hb_set_next(f->used, &glyph)) {
		if (glyph != last + 1 || last == HB_SET_VALUE_INVALID)
			buf_printf(&b, "%s%u[",
			    last == HB_SET_VALUE_INVALID ? "" : "]\n", glyph);
		buf_printf(
		    &b, "%d ", hb_font_get_glyph_h_advance(f->font, glyph));
		last = glyph;
	}
	buf_str(&b, last == HB_SET_VALUE_INVALID ? "]>>" : "]]>>");
	rc = pdf_file_object(f->file, object, &b, e);
	buf_free(&b);
	return rc;
}

static int write_meanings(const struct pdf_embed *f, int object, struct err *e)
{
	hb_codepoint_t glyph = HB_SET_VALUE_INVALID;
	struct meaning m;

	meaning_open(&m, 2);
	while (hb_set_next(f->used, &glyph))
		meaning_add(&m, glyph, f->means[glyph]);
	return meaning_write(&m, f->file, object, e);
}

int pdf_embed_font(const struct pdf_embed *f, int object, struct err *e)
{
	int program = pdf_file_number(f->file);
	int descriptor = pdf_file_number(f->file);
	int cid_font = pdf_file_number(f->file);
	int meanings = pdf_file_number(f->file);
	struct buf b;
	bool cff;
	int rc;

	if (write_program(f, program, &cff, e) != 0 ||
	    write_descriptor(f, descriptor, program, cff, e) != 0 ||
	    write_cid_font(f, cid_font, descriptor, cff, e) != 0 ||
	    write_meanings(f, meanings, e) != 0)
		return -1;
	buf_init(&b, DICTIONARY_MAX);
	buf_printf(&b,
	    "<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H"
	    "/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>",
	    f->name, cid_font, meanings);
	rc = pdf_file_object(f->file, object, &b, e);
	buf_free(&b);
	return rc;
}

/* ---- pictures ---- */

static int write_procedures(const struct pdf_embed *f,
    const struct pdf_picture *pictures, int count, int first, struct err *e)
{
	char text[256];

	for (int i = 0; i < count; i++) {
		const struct pdf_picture *p = &pictures[i];
		int n = snprintf(text, sizeof(text),
		    "%.0f 0 d0\nq %.1f 0 0 %.1f %.1f %.1f cm /I%d Do Q\n",
		    p->advance, p->width, p->height, p->x, p->y, p->object);

		if (pdf_file_stream(
			f->file, first + i, "", text, (size_t)n, e) != 0)
			return -1;
	}
	return 0;
}

static void describe_pictures(
    struct buf *b, const struct pdf_picture *pictures, int count, int first)
{
	buf_str(b, "<</Type/Font/Subtype/Type3/FontBBox[0 0 0 0]"
		   "/FontMatrix[.001 0 0 .001 0 0]/FirstChar 0");
	buf_printf(b, "/LastChar %d/Encoding<</Differences[0", count - 1);
	for (int i = 0; i < count; i++)
		buf_printf(b, "/p%d", i);
	buf_str(b, "]>>/CharProcs<<");
	for (int i = 0; i < count; i++)
		buf_printf(b, "/p%d %d 0 R", i, first + i);
	buf_str(b, ">>/Widths[");
	for (int i = 0; i < count; i++)
		buf_printf(b, "%.0f ", pictures[i].advance);
	buf_str(b, "]/Resources<</XObject<<");
	for (int i = 0; i < count; i++)
		buf_printf(
		    b, "/I%d %d 0 R", pictures[i].object, pictures[i].object);
	buf_str(b, ">>>>");
}

int pdf_embed_pictures(const struct pdf_embed *f, int object,
    const struct pdf_picture *pictures, int count, struct err *e)
{
	int meanings = pdf_file_number(f->file), first = 0;
	struct meaning m;
	struct buf b;
	int rc;

	for (int i = 0; i < count; i++) {
		int number = pdf_file_number(f->file);

		first = i == 0 ? number : first;
	}
	meaning_open(&m, 1);
	for (int i = 0; i < count; i++)
		meaning_add(&m, (unsigned int)i, f->means[pictures[i].glyph]);
	if (meaning_write(&m, f->file, meanings, e) != 0 ||
	    write_procedures(f, pictures, count, first, e) != 0)
		return -1;
	buf_init(&b, DICTIONARY_MAX);
	describe_pictures(&b, pictures, count, first);
	buf_printf(&b, "/ToUnicode %d 0 R>>", meanings);
	rc = pdf_file_object(f->file, object, &b, e);
	buf_free(&b);
	return rc;
}

/* ---- one picture ---- */

/* Splits an image into colours and alpha. Cairo has pixels as 0xAARRGGBB, with
 * colours multiplied by alpha. */
static void split(cairo_surface_t *image, struct buf *rgb, struct buf *alpha)
{
	int width = cairo_image_surface_get_width(image);
	int height = cairo_image_surface_get_height(image);
	int stride = cairo_image_surface_get_stride(image);
	const unsigned char *data = cairo_image_surface_get_data(image);

	for (int y = 0; y < height; y++) {
		for (int x = 0; x < width; x++) {
			uint32_t p, a;

			memcpy(&p, data + y * stride + x * 4, 4);
			a = p >> 24;
			buf_char(alpha, (char)a);
			for (int shift = 16; shift >= 0; shift -= 8) {
				uint32_t c = p >> shift & 0xFF;

				buf_char(rgb, (char)(a ? c * 255 / a : 0));
			}
		}
	}
}

static int write_image(
    struct pdf_file *file, int object, cairo_surface_t *image, struct err *e)
{
	int mask = pdf_file_number(file), rc = -1;
	struct buf rgb, alpha;
	char size[64], entries[192];

	buf_init(&rgb, DICTIONARY_MAX);
	buf_init(&alpha, DICTIONARY_MAX);
	split(image, &rgb, &alpha);
	snprintf(size, sizeof(size), "/Width %d/Height %d",
	    cairo_image_surface_get_width(image),
	    cairo_image_surface_get_height(image));
	snprintf(entries, sizeof(entries),
	    "/Type/XObject/Subtype/Image%s/ColorSpace/DeviceGray"
	    "/BitsPerComponent 8",
	    size);
	if (pdf_file_stream(file, mask, entries, alpha.data, alpha.len, e) != 0)
		goto out;
	snprintf(entries, sizeof(entries),
	    "/Type/XObject/Subtype/Image%s/ColorSpace/DeviceRGB"
	    "/BitsPerComponent 8/SMask %d 0 R",
	    size, mask);
	rc = pdf_file_stream(file, object, entries, rgb.data, rgb.len, e);
out:
	buf_free(&rgb);
	buf_free(&alpha);
	return rc;
}

/* Pixels an em of a picture: enough to print sharply at body size. */
#define EM 96.0

int pdf_embed_picture(struct pdf_file *file, PangoFont *font,
    unsigned int glyph, struct pdf_picture *picture, struct err *e)
{
	cairo_scaled_font_t *scaled =
	    pango_cairo_font_get_scaled_font(PANGO_CAIRO_FONT(font));
	cairo_surface_t *image =
	    cairo_image_surface_create(CAIRO_FORMAT_ARGB32, 1, 1);
	cairo_t *cr = cairo_create(image);
	cairo_glyph_t g = {.index = glyph};
	cairo_text_extents_t box;
	int width, height, rc = -1;

	cairo_set_font_face(cr, cairo_scaled_font_get_font_face(scaled));
	cairo_set_font_size(cr, EM);
	cairo_glyph_extents(cr, &g, 1, &box);
	width = CLAMP((int)box.width + 2, 1, 1024);
	height = CLAMP((int)box.height + 2, 1, 1024);
	scaled = cairo_scaled_font_reference(cairo_get_scaled_font(cr));
	cairo_destroy(cr);
	cairo_surface_destroy(image);

	image = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
	cr = cairo_create(image);
	cairo_set_scaled_font(cr, scaled);
	g.x = 1 - box.x_bearing;
	g.y = 1 - box.y_bearing;
	cairo_show_glyphs(cr, &g, 1);
	cairo_surface_flush(image);
	*picture = (struct pdf_picture){
	    .object = pdf_file_number(file),
	    .glyph = glyph,
	    .x = (box.x_bearing - 1) * 1000 / EM,
	    .y = -(box.y_bearing - 1 + height) * 1000 / EM,
	    .width = width * 1000 / EM,
	    .height = height * 1000 / EM,
	    .advance = box.x_advance * 1000 / EM,
	};
	if (cairo_status(cr) != CAIRO_STATUS_SUCCESS)
		err_set(e, ERR_PERMANENT, "PDF: a glyph cannot be drawn: %s",
		    cairo_status_to_string(cairo_status(cr)));
	else
		rc = write_image(file, picture->object, image, e);
	cairo_destroy(cr);
	cairo_surface_destroy(image);
	cairo_scaled_font_destroy(scaled);
	return rc;
}
