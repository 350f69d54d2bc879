/* SPDX-License-Identifier: MIT */
#include "encode/text/html_page.h"

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

/* Marks the bytes that can begin a character which utf8_is_control finds beyond
 * the ASCII controls: DEL, U+0080, U+FDD0, and the last two characters of each
 * plane. */
static const char begins[256] = {
    [0x7F] = 1,
    [0xC2] = 1,
    [0xEF] = 1,
    [0xF0] = 1,
    [0xF1] = 1,
    [0xF2] = 1,
    [0xF3] = 1,
    [0xF4] = 1,
};

void html_text(struct out *o, const char *s, size_t len)
{
	const char *end = s + len, *from = s;

	while (s < end) {
		const char *at = s;

		if (!begins[(unsigned char)*s]) {
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
