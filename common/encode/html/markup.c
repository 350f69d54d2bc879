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

/* Beside what html_look tells callers: */
enum {
	ESCAPED = 1, /* html_escapes changes the byte */
	/* The byte can begin a character that utf8_is_control finds beyond the
	 * ASCII controls: DEL, U+0080, U+FDD0, and the last two characters of
	 * each plane. */
	BEGINS = 2,
	CONTROL = ESCAPED | HTML_SPACES,
};
static const unsigned char looks[256] = {
    [0x00] = HTML_SPACES,
    [0x01] = CONTROL,
    [0x02] = CONTROL,
    [0x03] = CONTROL,
    [0x04] = CONTROL,
    [0x05] = CONTROL,
    [0x06] = CONTROL,
    [0x07] = CONTROL,
    [0x08] = CONTROL,
    [0x09] = HTML_SPACES,
    [0x0A] = HTML_SPACES,
    [0x0B] = CONTROL,
    [0x0C] = CONTROL,
    [0x0D] = HTML_SPACES,
    [0x0E] = CONTROL,
    [0x0F] = CONTROL,
    [0x10] = CONTROL,
    [0x11] = CONTROL,
    [0x12] = CONTROL,
    [0x13] = CONTROL,
    [0x14] = CONTROL,
    [0x15] = CONTROL,
    [0x16] = CONTROL,
    [0x17] = CONTROL,
    [0x18] = CONTROL,
    [0x19] = CONTROL,
    [0x1A] = CONTROL,
    [0x1B] = CONTROL,
    [0x1C] = CONTROL,
    [0x1D] = CONTROL,
    [0x1E] = CONTROL,
    [0x1F] = CONTROL,
    [' '] = HTML_SPACES,
    ['-'] = HTML_JOINTS,
    ['/'] = HTML_JOINTS,
    ['?'] = HTML_JOINTS,
    ['!'] = HTML_JOINTS,
    ['%'] = HTML_JOINTS,
    ['|'] = HTML_JOINTS,
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

unsigned html_look(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned all = 0;

	for (; len >= 4; u += 4, len -= 4)
		all |= (unsigned)looks[u[0]] | looks[u[1]] | looks[u[2]] |
		       looks[u[3]];
	for (; len > 0; u++, len--)
		all |= looks[*u];
	return all;
}

/* Writes a text in which html_look found ESCAPED or BEGINS. */
static void add_odd(struct out *o, const char *s, size_t len, unsigned found)
{
	const char *end = s + len, *from = s;

	if ((found & BEGINS) == 0)
		s = end;
	while (s < end) {
		const char *at = s;

		if (looks[(unsigned char)*s] != BEGINS) {
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

void html_looked(struct out *o, const char *s, size_t len, unsigned found)
{
	if ((found & (ESCAPED | BEGINS)) == 0)
		out_add(o, s, len);
	else
		add_odd(o, s, len, found);
}

void html_text(struct out *o, const char *s, size_t len)
{
	html_looked(o, s, len, html_look(s, len));
}

void html_element(
    struct out *o, const char *open, const char *content, const char *close)
{
	out_str(o, open);
	html_text(o, content, strlen(content));
	out_str(o, close);
}
