/* SPDX-License-Identifier: MIT */
#include "encode/pdf/family.h"

#include <hb-ot.h>
#include <stdbool.h>
#include <string.h>

#define NAME_MAX_BYTES 256

/* Names for which fontconfig chooses a family itself: those of CSS, and
 * pango's "Sans". */
static const char *const generic[] = {"sans-serif", "serif", "monospace",
    "system-ui", "cursive", "fantasy", "math", "emoji", "sans"};

/* Returns whether two names are the same but for case and spaces, which
 * fontconfig ignores, too. */
static bool same_name(const char *a, const char *b)
{
	char *x = g_utf8_casefold(a, -1), *y = g_utf8_casefold(b, -1);
	const char *s = x, *t = y;

	while (*s != '\0' || *t != '\0') {
		s += strspn(s, " ");
		t += strspn(t, " ");
		if (*s != *t || *s == '\0')
			break;
		s++;
		t++;
	}
	s += strspn(s, " ");
	t += strspn(t, " ");
	b = *s == '\0' && *t == '\0' ? a : NULL;
	g_free(x);
	g_free(y);
	return b != NULL;
}

static bool is_generic(const char *name)
{
	for (size_t i = 0; i < sizeof(generic) / sizeof(*generic); i++) {
		if (same_name(generic[i], name))
			return true;
	}
	return false;
}

static bool is_family(hb_ot_name_id_t id)
{
	return id == HB_OT_NAME_ID_FONT_FAMILY ||
	       id == HB_OT_NAME_ID_TYPOGRAPHIC_FAMILY ||
	       id == HB_OT_NAME_ID_WWS_FAMILY;
}

/* Returns whether the font's own tables call its family by this name, in any
 * language. */
static bool is_called(hb_face_t *face, const char *name)
{
	unsigned int count;
	const hb_ot_name_entry_t *names = hb_ot_name_list_names(face, &count);

	for (unsigned int i = 0; i < count; i++) {
		char own[NAME_MAX_BYTES];
		unsigned int len = sizeof(own);

		if (!is_family(names[i].name_id))
			continue;
		hb_ot_name_get_utf8(
		    face, names[i].name_id, names[i].language, &len, own);
		if (same_name(own, name))
			return true;
	}
	return false;
}

/* Returns the font that stands for the family: its own one, or else the nearest
 * one. The caller owns the reference; NULL: no font is installed at all. */
static PangoFont *font_for(
    PangoContext *context, const PangoFontDescription *like, const char *family)
{
	PangoFontDescription *wanted = pango_font_description_copy(like);
	PangoFont *font;

	pango_font_description_set_family(wanted, family);
	font = pango_font_map_load_font(
	    pango_context_get_font_map(context), context, wanted);
	pango_font_description_free(wanted);
	return font;
}

static bool is_installed(
    PangoContext *context, const PangoFontDescription *like, const char *family)
{
	PangoFont *font = font_for(context, like, family);
	bool installed = false;

	if (font != NULL) {
		installed = is_called(
		    hb_font_get_face(pango_font_get_hb_font(font)), family);
		g_object_unref(font);
	}
	return installed;
}

static int refuse(PangoContext *context, const PangoFontDescription *like,
    const char *families, struct err *e)
{
	PangoFont *font = font_for(context, like, families);
	PangoFontDescription *found = font ? pango_font_describe(font) : NULL;
	const char *nearest =
	    found ? pango_font_description_get_family(found) : "DejaVu Sans";

	err_set(e, ERR_PERMANENT,
	    "output_options: \"font\": %s \"%s\" is installed where this "
	    "report runs; install it there, or name one that is after a comma: "
	    "\"%s, %s\"",
	    strchr(families, ',') ? "none of the fonts" : "no font", families,
	    families, nearest);
	if (found != NULL)
		pango_font_description_free(found);
	if (font != NULL)
		g_object_unref(font);
	return -1;
}

/* Returns the list from its first installed family on; NULL: none is. */
static const char *first_installed(PangoContext *context,
    const PangoFontDescription *like, const char *families)
{
	for (const char *s = families; *s != '\0';) {
		size_t n = strcspn(s, ",");
		char *name = g_strstrip(g_strndup(s, n));
		bool good =
		    *name != '\0' &&
		    (is_generic(name) || is_installed(context, like, name));

		g_free(name);
		if (good)
			return s;
		s += n + (s[n] == ',');
	}
	return NULL;
}

int pdf_family_set(PangoContext *context, PangoFontDescription *const *fonts,
    int count, const char *families, struct err *e)
{
	const char *installed = first_installed(context, fonts[0], families);

	if (installed == NULL)
		return refuse(context, fonts[0], families, e);
	for (int i = 0; i < count; i++)
		pango_font_description_set_family(fonts[i], installed);
	return 0;
}
