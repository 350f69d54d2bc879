/* SPDX-License-Identifier: MIT */
#include "encode/html/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "encode/html/explore.h"
#include "encode/html/markup.h"

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
    "td:not([align]){text-align:left}\n"
    "td.long{min-width:24ch}\n"
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
