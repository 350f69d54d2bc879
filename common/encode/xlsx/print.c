/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/print.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "encode/xlsx/part.h"

/* Excel takes 255 units of UTF-16 in a header, its codes among them. */
#define TITLE_UNITS 130
#define SECTION_UNITS 80
/* A unit has three bytes at most. */
#define HEADER_BYTES ((size_t)1024)

/* As much of a name as has room; & begins a code, && is one. */
static void add_name(struct buf *b, const char *name, int room)
{
	const char *end = name + strlen(name);

	while (name < end) {
		const char *from = name;
		uint32_t c = utf8_next(&name, end);
		int units = c == '&' || c >= 0x10000 ? 2 : 1;

		/* The last one is for the dots. */
		if (room - units < (name < end)) {
			buf_str(b, "\u2026");
			return;
		}
		room -= units;
		if (c < ' ')
			buf_char(b, ' ');
		else
			buf_add(b, from, (size_t)(name - from));
		if (c == '&')
			buf_char(b, '&');
	}
}

static void add_header(struct buf *b, const struct xlsx_print *p)
{
	struct buf text;

	if (*p->title == '\0' && p->section == NULL)
		return;
	buf_init(&text, HEADER_BYTES);
	buf_str(&text, "&L&\"-,Bold\"");
	add_name(&text, p->title, TITLE_UNITS);
	if (p->section != NULL) {
		buf_str(&text, "&R");
		/* Digits after a letter are a size, but not after this. */
		buf_str(&text, "&\"-,Regular\"");
		add_name(&text, p->section, SECTION_UNITS);
	}
	buf_str(b, "<oddHeader>");
	xlsx_attribute(b, text.data);
	buf_str(b, "</oddHeader>");
	buf_free(&text);
}

/* As wide as a page, or several at a scale that can be read; the chart, which may
 * not be cut in two, is then on one of its own. */
void xlsx_print(struct buf *b, const struct xlsx_print *p)
{
	char scale[32] = "";

	if (!p->page->fit)
		snprintf(scale, sizeof(scale), " scale=\"%d\"", p->page->scale);
	buf_printf(b,
	    "<pageMargins left=\"0.4\" right=\"0.4\" top=\"0.7\" "
	    "bottom=\"0.6\" "
	    "header=\"0.3\" footer=\"0.3\"/><pageSetup paperSize=\"9\"%s "
	    "orientation=\"%s\"%s/>",
	    scale, p->page->landscape ? "landscape" : "portrait",
	    p->page->fit ? " fitToHeight=\"0\"" : "");
	buf_str(b, "<headerFooter>");
	add_header(b, p);
	buf_str(b, "<oddFooter>&amp;L&amp;A&amp;R&amp;P / &amp;N</oddFooter>"
		   "</headerFooter>");
	if (p->page->chart)
		buf_printf(b,
		    "<colBreaks count=\"1\" manualBreakCount=\"1\"><brk "
		    "id=\"%d\" max=\"1048575\" man=\"1\"/></colBreaks>",
		    p->columns);
}
