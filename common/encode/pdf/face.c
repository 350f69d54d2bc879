/* SPDX-License-Identifier: MIT */
#include "encode/pdf/face.h"

#include <stdbool.h>

#include "base/utf8.h"

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
static uint32_t shown_as(struct pdf_face *f, uint32_t c)
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

void pdf_face_look_up(struct pdf_face *f, uint32_t c)
{
	struct pdf_plain *p = &f->plain[c];
	uint32_t shown = shown_as(f, c);
	hb_codepoint_t glyph;
	struct pdf_glyph g;
	struct err none;

	p->state = PDF_PLAIN_HAVE_NOT;
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
	p->state = PDF_PLAIN_HAVE;
}
