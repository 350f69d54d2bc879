/* SPDX-License-Identifier: MIT */
#include "encode/html/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "encode/html/explore.h"

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
static const char style[] =
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

void html_element(
    struct out *o, const char *open, const char *content, const char *close)
{
	out_str(o, open);
	html_text(o, content, strlen(content));
	out_str(o, close);
}

static void add_policy(struct out *o, bool interactive)
{
	out_str(o, "<meta http-equiv=\"Content-Security-Policy\" content=\""
		   "default-src 'none'; style-src 'unsafe-inline'");
	if (interactive) {
		out_str(o, "; script-src ");
		explore_policy(o);
		out_str(o, "; base-uri 'none'; form-action 'none'");
	}
	out_str(o, "\">\n");
}

void html_page_begin(struct out *o, const struct report_info *info,
    const char *lang, bool interactive)
{
	html_element(o, "<!DOCTYPE html>\n<html lang=\"", lang, "\">\n");
	out_str(o, "<head>\n<meta charset=\"utf-8\">\n"
		   "<meta name=\"viewport\" content=\"width=device-width, "
		   "initial-scale=1\">\n"
		   "<meta name=\"color-scheme\" content=\"light dark\">\n");
	add_policy(o, interactive);
	out_str(o, "<meta name=\"generator\" content=\"reportd\">\n");
	if (*info->author != '\0')
		html_element(o, "<meta name=\"author\" content=\"",
		    info->author, "\">\n");
	html_element(o, "<title>", info->title, "</title>\n");
	out_str(o, style);
	if (interactive)
		explore_head(o);
	html_element(
	    o, "</head>\n<body>\n<h1 id=\"title\">", info->title, "</h1>\n");
}

/* Writes: Run 42, <time>2026-03-01 09:30:00</time>. Times are in
 * Europe/Berlin. */
static void add_footer(struct out *o, const struct report_info *info)
{
	time_t t = (time_t)info->time;
	char line[64];
	struct tm tm;

	out_str(o, "<footer>");
	if (info->run_id != 0) {
		snprintf(line, sizeof(line), "Run %" PRId64 ", ", info->run_id);
		out_str(o, line);
	}
	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		html_element(o, "<time datetime=\"", line, "\">");
	html_element(o, "", info->time_text, "</time>. ");
	html_element(o, "Times are in ", info->time_zone, ".</footer>\n");
}

void html_page_end(struct out *o, const struct report_info *info)
{
	if (*info->time_text != '\0')
		add_footer(o, info);
	out_str(o, "</body>\n</html>\n");
}
