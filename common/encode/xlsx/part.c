/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/part.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <wchar.h>

#include "base/mem.h"
#include "encode/xlsx/text.h"

#define NAME_UNITS 31 /* UTF-16 units in the name of a sheet */
#define NAME_BYTES ((size_t)1 << 20)

/* ---- names ---- */

static int units_of(unsigned char lead)
{
	return lead >= 0xF0 ? 2 : 1;
}

/* Returns how many bytes of s are at most this many UTF-16 units, in whole
 * characters. */
static size_t cut(const char *s, int units)
{
	size_t i = 0;

	while (s[i] != '\0') {
		size_t next = i + 1;

		units -= units_of((unsigned char)s[i]);
		if (units < 0)
			break;
		while (((unsigned char)s[next] & 0xC0) == 0x80)
			next++;
		i = next;
	}
	return i;
}

static int count_units(const char *s)
{
	int n = 0;

	for (; *s != '\0'; s++) {
		if (((unsigned char)*s & 0xC0) != 0x80)
			n += units_of((unsigned char)*s);
	}
	return n;
}

/* Returns whether s begins with U+FFFE or U+FFFF, which XML forbids. */
static bool is_forbidden(const char *s)
{
	return strncmp(s, "\xEF\xBF\xBE", 3) == 0 ||
	       strncmp(s, "\xEF\xBF\xBF", 3) == 0;
}

/* The replacement character, U+FFFD, has as many bytes as the forbidden
 * ones. */
#define FORBIDDEN_NAME "\xEF\xBF\xBD"

/* Returns the name without the characters that Excel refuses, cut to this many
 * UTF-16 units. The caller frees it. */
static char *clean(const char *wanted, int units)
{
	char *name = mem_strdup(wanted), *s = name, *end;

	for (; *s != '\0'; s++) {
		if (strchr("[]:*?/\\", *s) != NULL || (unsigned char)*s < ' ')
			*s = '_';
		else if (is_forbidden(s))
			memcpy(s, FORBIDDEN_NAME, 3);
		else if (*s == '_' && xlsx_reads_as_escape(s, s + strlen(s)))
			*s = '-';
	}
	s = name + strspn(name, "' ");
	end = s + cut(s, units);
	while (end > s && (end[-1] == '\'' || end[-1] == ' '))
		end--;
	*end = '\0';
	memmove(name, s, (size_t)(end - s) + 1);
	return name;
}

/* Compares names as Excel does, without regard to case. The locale of the
 * process may be C, so its own is used here. */
static bool same_name(const char *a, const char *b)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), old;
	wchar_t x[NAME_UNITS + 1], y[NAME_UNITS + 1];
	bool same;

	if (utf8 == (locale_t)0)
		return strcasecmp(a, b) == 0;
	old = uselocale(utf8);
	same = mbstowcs(x, a, NAME_UNITS + 1) != (size_t)-1 &&
	       mbstowcs(y, b, NAME_UNITS + 1) != (size_t)-1 &&
	       wcscasecmp(x, y) == 0;
	uselocale(old);
	freelocale(utf8);
	return same;
}

static bool is_taken(const struct xlsx_book *book, const char *name)
{
	/* Excel reserves this name. */
	if (strcasecmp(name, "History") == 0)
		return true;
	for (int i = 0; i < book->count; i++) {
		if (same_name(book->sheets[i].name, name))
			return true;
	}
	return false;
}

static char *free_name(const struct xlsx_book *book, const char *wanted)
{
	char *base = clean(wanted ? wanted : "", NAME_UNITS);
	char *name;

	if (*base == '\0') {
		free(base);
		base = mem_strdup("Sheet");
	}
	name = mem_strdup(base);
	for (int i = 2; is_taken(book, name); i++) {
		char number[16];
		char *shorter;

		snprintf(number, sizeof(number), " (%d)", i);
		shorter = clean(base, NAME_UNITS - count_units(number));
		free(name);
		name = mem_printf("%s%s", shorter, number);
		free(shorter);
	}
	free(base);
	return name;
}

struct xlsx_sheet *xlsx_book_add(struct xlsx_book *book, const char *wanted)
{
	char *name = free_name(book, wanted);

	if (book->count == book->room) {
		book->room = book->room ? 2 * book->room : 4;
		book->sheets = mem_realloc(
		    book->sheets, (size_t)book->room, sizeof(*book->sheets));
	}
	book->sheets[book->count] = (struct xlsx_sheet){.name = name};
	return &book->sheets[book->count++];
}

void xlsx_book_free(struct xlsx_book *book)
{
	for (int i = 0; i < book->count; i++)
		free(book->sheets[i].name);
	free(book->sheets);
}

/* ---- XML ---- */

void xlsx_escape(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '\t' || c == '\n' || c == '\r')
			buf_printf(b, "&#%d;", c);
		else if (c < ' ')
			buf_char(b, '?');
		else if (is_forbidden(s))
			buf_char(b, '?'), s += 2;
		else
			buf_markup(b, *s);
	}
}

void xlsx_attribute(struct buf *b, const char *s)
{
	struct buf text;

	buf_init(&text, NAME_BYTES);
	xlsx_text_guard(&text, s);
	xlsx_escape(b, text.data ? text.data : "");
	buf_free(&text);
}

void xlsx_quote_name(struct buf *b, const char *name)
{
	struct buf quoted;

	buf_init(&quoted, NAME_BYTES);
	for (; *name != '\0'; name++)
		buf_printf(&quoted, *name == '\'' ? "''" : "%c", *name);
	buf_char(b, '\'');
	xlsx_escape(b, quoted.data ? quoted.data : "");
	buf_char(b, '\'');
	buf_free(&quoted);
}

/* ---- parts ---- */

static void begin_rels(struct buf *b)
{
	buf_str(b, XLSX_XML "<Relationships xmlns=\"" XLSX_PACKAGE
			    "/relationships\">");
}

static void add_rel(struct buf *b, int id, const char *type, const char *target)
{
	buf_printf(b,
	    "<Relationship Id=\"rId%d\" Type=\"" XLSX_DOCUMENT
	    "/%s\" Target=\"%s\"/>",
	    id, type, target);
}

void xlsx_root_rels(struct buf *b)
{
	begin_rels(b);
	add_rel(b, 1, "officeDocument", "xl/workbook.xml");
	buf_str(b, "<Relationship Id=\"rId2\" Type=\"" XLSX_PACKAGE
		   "/relationships/metadata/core-properties\" "
		   "Target=\"docProps/core.xml\"/>");
	add_rel(b, 3, "extended-properties", "docProps/app.xml");
	buf_str(b, "</Relationships>");
}

static void add_element(struct buf *b, const char *name, const char *text)
{
	if (*text == '\0')
		return;
	buf_printf(b, "<%s>", name);
	xlsx_escape(b, text);
	buf_printf(b, "</%s>", name);
}

void xlsx_core(struct buf *b, const struct report_info *info)
{
	char text[80];
	time_t t = (time_t)info->time;
	struct tm tm;

	buf_str(b, XLSX_XML
	    "<cp:coreProperties xmlns:cp=\"" XLSX_PACKAGE
	    "/metadata/core-properties\" "
	    "xmlns:dc=\"http://purl.org/dc/elements/1.1/\" "
	    "xmlns:dcterms=\"http://purl.org/dc/terms/\" "
	    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">");
	add_element(b, "dc:title", info->title);
	add_element(b, "dc:creator", info->author);
	snprintf(text, sizeof(text), "Time zone: %s", info->time_zone);
	if (*info->time_zone != '\0')
		add_element(b, "dc:description", text);
	if (t != 0 && gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		buf_printf(b,
		    "<dcterms:created xsi:type=\"dcterms:W3CDTF\">%s"
		    "</dcterms:created>",
		    text);
	buf_str(b, "</cp:coreProperties>");
}

void xlsx_app(struct buf *b)
{
	buf_str(b,
	    XLSX_XML "<Properties xmlns=\"http://schemas.openxmlformats.org/"
		     "officeDocument/2006/extended-properties\">"
		     "<Application>reportd</Application></Properties>");
}

void xlsx_sheet_rels(struct buf *b, int number)
{
	char target[64];

	snprintf(target, sizeof(target), "../drawings/drawing%d.xml", number);
	begin_rels(b);
	add_rel(b, 1, "drawing", target);
	buf_str(b, "</Relationships>");
}

static void add_names(struct buf *b, const struct xlsx_book *book)
{
	if (book->count == 0)
		return;
	buf_str(b, "<definedNames>");
	for (int i = 0; i < book->count; i++) {
		const struct xlsx_sheet *s = &book->sheets[i];

		if (*s->filter == '\0')
			continue;
		buf_printf(b,
		    "<definedName name=\"_xlnm._FilterDatabase\" "
		    "localSheetId=\"%d\" hidden=\"1\">",
		    i);
		xlsx_quote_name(b, s->name);
		buf_printf(b, "!%s</definedName>", s->filter);
	}
	for (int i = 0; i < book->count; i++) {
		if (book->sheets[i].hidden)
			continue;
		buf_printf(b,
		    "<definedName name=\"_xlnm.Print_Titles\" "
		    "localSheetId=\"%d\">",
		    i);
		xlsx_quote_name(b, book->sheets[i].name);
		buf_str(b, "!$1:$1</definedName>");
	}
	buf_str(b, "</definedNames>");
}

void xlsx_workbook(struct buf *b, const struct xlsx_book *book)
{
	buf_str(b,
	    XLSX_XML "<workbook xmlns=\"" XLSX_MAIN
		     "\" xmlns:r=\"" XLSX_DOCUMENT "\"><workbookPr/><bookViews>"
		     "<workbookView activeTab=\"0\"/></bookViews><sheets>");
	for (int i = 0; i < book->count; i++) {
		buf_str(b, "<sheet name=\"");
		xlsx_escape(b, book->sheets[i].name);
		buf_printf(b, "\" sheetId=\"%d\"%s r:id=\"rId%d\"/>", i + 1,
		    book->sheets[i].hidden ? " state=\"hidden\"" : "", i + 1);
	}
	buf_str(b, "</sheets>");
	add_names(b, book);
	if (book->formulas)
		buf_str(b, "<calcPr calcId=\"124519\" fullCalcOnLoad=\"1\"/>");
	buf_str(b, "</workbook>");
}

void xlsx_workbook_rels(struct buf *b, const struct xlsx_book *book)
{
	char target[64];

	begin_rels(b);
	for (int i = 1; i <= book->count; i++) {
		snprintf(target, sizeof(target), "worksheets/sheet%d.xml", i);
		add_rel(b, i, "worksheet", target);
	}
	add_rel(b, book->count + 1, "styles", "styles.xml");
	add_rel(b, book->count + 2, "theme", "theme/theme1.xml");
	if (book->strings)
		add_rel(
		    b, book->count + 3, "sharedStrings", "sharedStrings.xml");
	buf_str(b, "</Relationships>");
}

#define OFFICE "application/vnd.openxmlformats-officedocument."

static void add_type(struct buf *b, const char *part, int n, const char *type)
{
	buf_printf(b, "<Override PartName=\"/%s", part);
	if (n > 0)
		buf_printf(b, "%d.xml", n);
	buf_printf(b, "\" ContentType=\"%s+xml\"/>", type);
}

void xlsx_content_types(struct buf *b, const struct xlsx_book *book)
{
	buf_str(b,
	    XLSX_XML "<Types xmlns=\"" XLSX_PACKAGE "/content-types\">"
		     "<Default Extension=\"rels\" ContentType=\"application/"
		     "vnd.openxmlformats-package.relationships+xml\"/>"
		     "<Default Extension=\"xml\" "
		     "ContentType=\"application/xml\"/>");
	add_type(b, "xl/workbook.xml", 0, OFFICE "spreadsheetml.sheet.main");
	add_type(b, "xl/styles.xml", 0, OFFICE "spreadsheetml.styles");
	add_type(b, "xl/theme/theme1.xml", 0, OFFICE "theme");
	if (book->strings)
		add_type(b, "xl/sharedStrings.xml", 0,
		    OFFICE "spreadsheetml.sharedStrings");
	add_type(b, "docProps/core.xml", 0,
	    "application/vnd.openxmlformats-package.core-properties");
	add_type(b, "docProps/app.xml", 0, OFFICE "extended-properties");
	for (int i = 1; i <= book->count; i++) {
		add_type(b, "xl/worksheets/sheet", i,
		    OFFICE "spreadsheetml.worksheet");
		if (!book->sheets[i - 1].chart)
			continue;
		add_type(b, "xl/drawings/drawing", i, OFFICE "drawing");
		add_type(b, "xl/charts/chart", i, OFFICE "drawingml.chart");
	}
	buf_str(b, "</Types>");
}
