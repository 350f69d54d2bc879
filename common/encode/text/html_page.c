/* SPDX-License-Identifier: MIT */
#include "encode/text/html_page.h"

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

/* Colours are readable on both light and dark ground, or are given together
 * with their ground. The style is below 8 kB, as some mail clients drop a
 * larger one entirely. */
const char html_style[] =
    "<style>\n"
    ":root{color-scheme:light dark}\n"
    "body{font:14px/1.4 system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"DejaVu Sans\",sans-serif;margin:16px}\n"
    "h1{font-size:1.5em;margin:0 0 .6em}\n"
    "h2{font-size:1.15em;margin:1.2em 0 .4em}\n"
    "table{border-collapse:separate;border-spacing:0}\n"
    "caption{text-align:left}\n"
    "th,td{padding:3px 9px;vertical-align:top;"
    "border-bottom:1px solid rgba(127,127,127,.3)}\n"
    "td{max-width:60ch;white-space:pre-wrap;overflow-wrap:break-word;"
    "unicode-bidi:plaintext}\n"
    "td[nowrap],td[align=right]{white-space:pre;"
    "font-variant-numeric:tabular-nums}\n"
    "thead th{position:sticky;top:0;z-index:1}\n"
    "tbody tr:nth-child(even){background:rgba(127,127,127,.09)}\n"
    "tfoot th,tfoot td{font-weight:bold;border-top:2px solid "
    "rgba(127,127,127,.7)}\n"
    "figure{margin:1em 0;max-width:720px;overflow-x:auto;background:#fff;"
    "color:#1b2430}\n"
    "svg{display:block;width:100%;min-width:480px;height:auto}\n"
    "footer,.rows{font-size:.86em;opacity:.75;margin:.5em 0}\n"
    "@media (prefers-color-scheme:dark){thead th{"
    "background:#2b323c!important;color:#e9edf2!important}}\n"
    "@page{margin:12mm}\n"
    "@media print{body{margin:0;font-size:8.5pt}thead{display:"
    "table-header-group}tfoot{display:table-row-group}"
    "thead th{position:static}tr,figure{break-inside:avoid}"
    "figure{max-width:450pt}}\n"
    "</style>\n";
