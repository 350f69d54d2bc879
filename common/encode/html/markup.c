/* SPDX-License-Identifier: MIT */
#include "encode/html/markup.h"

#include <string.h>

#include "base/utf8.h"

#define HTML_MARK "\uFFFD"

/* A carriage return is not escaped: browsers read it, with or without a line
 * feed after it, as one line break, and would show nothing for its character
 * reference. */
static const struct escapes html_escapes = {
    .bytes = {'<', '>', '&', '"'},
    .below = 0x20,
    .text = {['<'] = "&lt;",
	['>'] = "&gt;",
	['&'] = "&amp;",
	['"'] = "&quot;",
	[0x01] = HTML_MARK,
	[0x02] = HTML_MARK,
	[0x03] = HTML_MARK,
	[0x04] = HTML_MARK,
	[0x05] = HTML_MARK,
	[0x06] = HTML_MARK,
	[0x07] = HTML_MARK,
	[0x08] = HTML_MARK,
	[0x0B] = HTML_MARK,
	[0x0C] = HTML_MARK,
	[0x0E] = HTML_MARK,
	[0x0F] = HTML_MARK,
	[0x10] = HTML_MARK,
	[0x11] = HTML_MARK,
	[0x12] = HTML_MARK,
	[0x13] = HTML_MARK,
	[0x14] = HTML_MARK,
	[0x15] = HTML_MARK,
	[0x16] = HTML_MARK,
	[0x17] = HTML_MARK,
	[0x18] = HTML_MARK,
	[0x19] = HTML_MARK,
	[0x1A] = HTML_MARK,
	[0x1B] = HTML_MARK,
	[0x1C] = HTML_MARK,
	[0x1D] = HTML_MARK,
	[0x1E] = HTML_MARK,
	[0x1F] = HTML_MARK},
};

/* Bytes that do not stay as they are: ESCAPED by html_escapes, and BEGINS, which
 * can begin a character that utf8_is_control finds beyond the ASCII controls:
 * DEL, U+0080, U+FDD0, and the last two characters of each plane. Tabs and line
 * breaks stay. */
enum { ESCAPED = 1, BEGINS = 2 };
static const unsigned char odd[256] = {
    [0x01] = ESCAPED,
    [0x02] = ESCAPED,
    [0x03] = ESCAPED,
    [0x04] = ESCAPED,
    [0x05] = ESCAPED,
    [0x06] = ESCAPED,
    [0x07] = ESCAPED,
    [0x08] = ESCAPED,
    [0x0B] = ESCAPED,
    [0x0C] = ESCAPED,
    [0x0E] = ESCAPED,
    [0x0F] = ESCAPED,
    [0x10] = ESCAPED,
    [0x11] = ESCAPED,
    [0x12] = ESCAPED,
    [0x13] = ESCAPED,
    [0x14] = ESCAPED,
    [0x15] = ESCAPED,
    [0x16] = ESCAPED,
    [0x17] = ESCAPED,
    [0x18] = ESCAPED,
    [0x19] = ESCAPED,
    [0x1A] = ESCAPED,
    [0x1B] = ESCAPED,
    [0x1C] = ESCAPED,
    [0x1D] = ESCAPED,
    [0x1E] = ESCAPED,
    [0x1F] = ESCAPED,
    ['"'] = ESCAPED,
    ['&'] = ESCAPED,
    ['<'] = ESCAPED,
    ['>'] = ESCAPED,
    [0x7F] = BEGINS,
    [0xC2] = BEGINS,
    [0xEF] = BEGINS,
    [0xF0] = BEGINS,
    [0xF1] = BEGINS,
    [0xF2] = BEGINS,
    [0xF3] = BEGINS,
    [0xF4] = BEGINS,
};

/* Returns what `odd` says of all bytes together. */
static unsigned look(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned all = 0;

	for (; len >= 4; u += 4, len -= 4)
		all |= (unsigned)odd[u[0]] | odd[u[1]] | odd[u[2]] | odd[u[3]];
	for (; len > 0; u++, len--)
		all |= odd[*u];
	return all;
}

void html_text(struct out *o, const char *s, size_t len)
{
	const char *end = s + len, *from = s;
	unsigned found = look(s, len);

	if (found == 0) {
		out_add(o, s, len);
		return;
	}
	if ((found & BEGINS) == 0)
		s = end;
	while (s < end) {
		const char *at = s;

		if (odd[(unsigned char)*s] != BEGINS) {
			s++;
			continue;
		}
		if (!utf8_is_control(utf8_next(&s, end)))
			continue;
		out_escaped(o, &html_escapes, from, (size_t)(at - from));
		out_str(o, HTML_MARK);
		from = s;
	}
	out_escaped(o, &html_escapes, from, (size_t)(end - from));
}

void html_element(
    struct out *o, const char *open, const char *content, const char *close)
{
	out_str(o, open);
	html_text(o, content, strlen(content));
	out_str(o, close);
}
