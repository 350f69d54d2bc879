/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/print.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "encode/xlsx/part.h"

/* Excel accepts 255 UTF-16 units in a header, including its codes. */
#define TITLE_UNITS 130
#define SECTION_UNITS 80
/* A UTF-16 unit has at most three bytes. */
#define HEADER_BYTES ((size_t)1024)

/* Appends as much of a name as has room. & begins a code in a header, so it is
 * written as &&. */
static void add_name(struct buf *b, const char *name, int room)
{
	const char *end = name + strlen(name);

	while (name < end) {
		const char *from = name;
		uint32_t c = utf8_next(&name, end);
		int units = c == '&' || c >= 0x10000 ? 2 : 1;

		/* The last unit of room is for the ellipsis. */
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
		/* Digits after a code letter would be a font size, but not
		 * after this code. */
		buf_str(&text, "&\"-,Regular\"");
		add_name(&text, p->section, SECTION_UNITS);
	}
	buf_str(b, "<oddHeader>");
	xlsx_attribute(b, text.data);
	buf_str(b, "</oddHeader>");
	buf_free(&text);
}

/* The table is printed as wide as one page, or over several pages at a scale
 * that can be read. In the second case the chart, which must not be cut, has a
 * page of its own. */
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
