/* SPDX-License-Identifier: MIT */
#include "encode/pdf/cover.h"

#include <pango/pangocairo.h>

/* For each writing system, some characters that a font for it has. */
static const struct {
	const char *name, *sample;
} writings[] = {
    {"Latin", "Aß€"},
    {"Greek", "Ωλ"},
    {"Cyrillic", "Жщ"},
    {"Arabic", "بس"},
    {"Hebrew", "אש"},
    {"Devanagari", "कम"},
    {"Thai", "กท"},
    {"Chinese and Japanese", "中あ"},
    {"Korean", "한글"},
    {"emoji", "😀"},
};

int pdf_cover(struct buf *lacking)
{
	PangoFontMap *map = pango_cairo_font_map_get_default();
	PangoContext *context = pango_font_map_create_context(map);
	PangoLayout *layout = pango_layout_new(context);
	PangoFontFamily **families = NULL;
	int count = 0;

	pango_font_map_list_families(map, &families, &count);
	for (size_t i = 0; i < sizeof(writings) / sizeof(*writings); i++) {
		pango_layout_set_text(layout, writings[i].sample, -1);
		if (count == 0 ||
		    pango_layout_get_unknown_glyphs_count(layout) > 0)
			buf_printf(lacking, "%s%s", lacking->len ? ", " : "",
			    writings[i].name);
	}
	g_free(families);
	g_object_unref(layout);
	g_object_unref(context);
	return count;
}
