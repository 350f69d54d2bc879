/* SPDX-License-Identifier: MIT */
#include "input/names.h"

#include <ctype.h>
#include <glib.h>

#include "base/buf.h"

/* Bytes of a name, and more than a table takes. */
#define NAME_MAX_BYTES ((size_t)64 << 10)

static bool is_kept(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

/* Appends the letters, digits and blanks of the text; several blanks count as one,
 * and those at the ends are none. */
static void add_plain(struct buf *name, const char *text)
{
	bool blank = false;

	for (; *text != '\0'; text++) {
		bool space = isspace((unsigned char)*text);

		blank = blank || space;
		if (space || !is_kept(*text))
			continue;
		if (blank && name->len > 0)
			buf_char(name, '_');
		if (name->len == 0 && *text >= '0' && *text <= '9')
			buf_char(name, '_');
		buf_char(name, (char)g_ascii_tolower(*text));
		blank = false;
	}
}

char *input_column_name(const char *text, size_t len)
{
	/* splits a letter from its accents */
	char *apart = g_utf8_normalize(text, (gssize)len, G_NORMALIZE_ALL);
	struct buf name;

	if (apart == NULL)
		return NULL;
	buf_init(&name, NAME_MAX_BYTES);
	add_plain(&name, apart);
	g_free(apart);
	if (name.len == 0)
		buf_char(&name, '_');
	return name.data;
}
