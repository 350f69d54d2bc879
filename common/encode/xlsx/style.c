/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/style.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/table/format.h"
#include "encode/table/format_code.h"
#include "encode/xlsx/part.h"

/* Ids below this are formats that every reader knows; two of them are used. */
#define OWN_FORMATS 164
#define SCALE_MAX 30 /* decimal places that Excel shows */
/* Most bytes of a code, whose 255 characters may each get a backslash. */
#define CODE_BYTES 4096

void xlsx_styles_init(struct xlsx_styles *s)
{
	*s = (struct xlsx_styles){0};
	xlsx_style(
	    s, XLSX_GENERAL, (struct xlsx_side){ALIGN_LEFT, false}, XLSX_BODY);
}

struct xlsx_side xlsx_side_of(const struct layout *layout, int column)
{
	const struct column_layout *c = &layout->columns[column];

	return (struct xlsx_side){c->align,
	    c->align == ALIGN_LEFT && column > 0 && c[-1].align == ALIGN_RIGHT};
}

void xlsx_styles_free(struct xlsx_styles *s)
{
	for (int i = 0; i < s->count; i++)
		free(s->list[i].code);
	free(s->list);
	*s = (struct xlsx_styles){0};
}

int xlsx_style(struct xlsx_styles *s, const char *code, struct xlsx_side side,
    enum xlsx_role role)
{
	for (int i = 0; i < s->count; i++) {
		const struct xlsx_style *x = &s->list[i];

		if (x->side.align == side.align &&
		    x->side.apart == side.apart && x->role == role &&
		    strcmp(x->code, code) == 0)
			return i;
	}
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 16;
		s->list =
		    mem_realloc(s->list, (size_t)s->room, sizeof(*s->list));
	}
	s->list[s->count] = (struct xlsx_style){mem_strdup(code), side, role};
	return s->count++;
}

const char *xlsx_scale_code(int decimals)
{
	static const char codes[SCALE_MAX][SCALE_MAX + 3] = {"0.0", "0.00",
	    "0.000", "0.0000", "0.00000", "0.000000", "0.0000000", "0.00000000",
	    "0.000000000", "0.0000000000", "0.00000000000", "0.000000000000",
	    "0.0000000000000", "0.00000000000000", "0.000000000000000",
	    "0.0000000000000000", "0.00000000000000000", "0.000000000000000000",
	    "0.0000000000000000000", "0.00000000000000000000",
	    "0.000000000000000000000", "0.0000000000000000000000",
	    "0.00000000000000000000000", "0.000000000000000000000000",
	    "0.0000000000000000000000000", "0.00000000000000000000000000",
	    "0.000000000000000000000000000", "0.0000000000000000000000000000",
	    "0.00000000000000000000000000000",
	    "0.000000000000000000000000000000"};

	if (decimals <= 0)
		return "0";
	return codes[(decimals < SCALE_MAX ? decimals : SCALE_MAX) - 1];
}

/* Writes the text before or after the digits of a sample, in quotes. */
static int put_around(char *to, const char *s, size_t len)
{
	/* A quoted text cannot hold a quote; no currency has one. */
	return len > 0 && memchr(s, '"', len) == NULL
		   ? sprintf(to, "\"%.*s\"", (int)len, s)
		   : 0;
}

/* Writes one section of a code: "$"#,##0.00 from $1,000,...,000.00. */
static int put_amount(char *to, const char *sample, int scale)
{
	static const char digits[] = "0123456789";
	size_t before = strcspn(sample, digits), len = strlen(sample);
	size_t after = len;
	char *p = to;

	while (after > before && strchr(digits, sample[after - 1]) == NULL)
		after--;
	p += put_around(p, sample, before);
	p += sprintf(p, "#,##%s", xlsx_scale_code(scale));
	p += put_around(p, sample + after, len - after);
	return (int)(p - to);
}

/* Writes the code of amounts: signs as the server shows them, separators as the
 * reader does. */
static const char *money_code(const struct money *m, char *to)
{
	int n = put_amount(to, m->positive, m->scale);

	to[n++] = ';';
	put_amount(to + n, m->negative, m->scale);
	return to;
}

const char *xlsx_code(
    const struct column *c, bool fraction, char room[XLSX_CODE_MAX])
{
	switch (c->kind) {
	case KIND_INTEGER:
		return "0";
	case KIND_DECIMAL:
		/* Without a precision each value has its own scale. */
		return c->precision == 0 ? XLSX_GENERAL
					 : xlsx_scale_code(c->scale);
	case KIND_MONEY:
		return c->money ? money_code(c->money, room) : XLSX_GENERAL;
	case KIND_BOOLEAN:
		/* Excel shows booleans as words in any format; other programs
		 * would show 1. */
		return "\"TRUE\";\"TRUE\";\"FALSE\"";
	case KIND_DATE:
		return "yyyy-mm-dd";
	case KIND_TIME:
		return fraction ? "hh:mm:ss.000" : "hh:mm:ss";
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
		return fraction ? "yyyy-mm-dd hh:mm:ss.000"
				: "yyyy-mm-dd hh:mm:ss";
	case KIND_INTERVAL:
		return fraction ? "[hh]:mm:ss.000" : "[hh]:mm:ss";
	default:
		return XLSX_GENERAL;
	}
}

/* Returns the id of a style's number format. A format that is not built in is
 * numbered after the first style that uses it. */
static int format_id(const struct xlsx_styles *s, int i)
{
	const char *code = s->list[i].code;
	int first = 0;

	if (strcmp(code, XLSX_GENERAL) == 0)
		return 0;
	if (strcmp(code, "0") == 0)
		return 1;
	while (strcmp(s->list[first].code, code) != 0)
		first++;
	return OWN_FORMATS + first;
}

/* Returns the end of a part in quotes or brackets, or of a sign and the
 * character that it protects; else of one character. */
static const char *literal_end(const char *s)
{
	const char *end = NULL;

	if (*s == '"')
		end = strchr(s + 1, '"');
	else if (*s == '[')
		end = strchr(s, ']');
	else if (strchr("\\_*", *s) != NULL && s[1] != '\0')
		end = s + 1;
	return end == NULL ? s + 1 : end + 1;
}

/* Returns whether s is a colour or a condition, [Red] [>=100], which begins a
 * section; a currency is none, nor is an elapsed time, [hh]. */
static bool is_modifier(const char *s)
{
	size_t len;

	if (*s != '[' || s[1] == '$' || s[1] == '\0')
		return false;
	len = strspn(s + 1, (char[]){s[1], (char)(s[1] ^ 0x20), '\0'});
	return strchr("hmsHMS", s[1]) == NULL || s[1 + len] != ']';
}

/* Appends one section with a text before the value, unless the section shows
 * nothing. Returns the place of the semicolon or the end. */
static const char *add_section(struct buf *out, const char *s, const char *text)
{
	const char *end;

	for (; is_modifier(s); s = end) {
		end = literal_end(s);
		buf_add(out, s, (size_t)(end - s));
	}
	/* Two quoted texts may not follow each other. */
	if (*s == '"') {
		end = literal_end(s++);
		buf_printf(out, "\"%s%.*s", text, (int)(end - s), s);
		s = end;
	} else if (*s != '\0' && *s != ';') {
		buf_printf(out, "\"%s\"", text);
	}
	for (; *s != '\0' && *s != ';'; s = end) {
		end = literal_end(s);
		buf_add(out, s, (size_t)(end - s));
	}
	return s;
}

/* Appends a second section to a code that has one. Without it Excel puts the
 * minus sign before the word, and shows a number outside of a condition without
 * the word. */
static void add_other_section(
    struct buf *out, const struct format *f, const char *code, const char *word)
{
	char *negative;

	if (format_use(f) != FORMAT_NUMBERS && strcmp(code, XLSX_GENERAL) != 0)
		return;
	buf_char(out, ';');
	if (format_has_condition(f)) {
		add_section(out, XLSX_GENERAL, word);
		return;
	}
	negative = mem_printf("%s-", word);
	add_section(out, code, negative);
	free(negative);
}

bool xlsx_worded_code(struct buf *out, const char *code, const char *word)
{
	struct err e;
	struct format *f = format_open(code, &e);
	char *text = mem_printf("%s ", word);
	const char *s = code;

	buf_init(out, CODE_BYTES);
	if (f != NULL && *word != '\0') {
		s = add_section(out, code, text);
		if (format_sections(f) == 1)
			add_other_section(out, f, code, text);
		for (int i = 1; i < format_sections(f); i++) {
			buf_char(out, ';');
			s = add_section(out, s + 1, text);
		}
	}
	/* The rest is the section of texts, or the whole code. */
	buf_str(out, s);
	format_close(f);
	free(text);
	if (out->len <= FORMAT_CODE_MAX)
		return true;
	buf_clear(out);
	buf_str(out, code);
	return false;
}

/* Appends a code of dates with \. for a point between days and months, as Excel
 * writes it: some readers take a bare point for a decimal point. */
static void add_date_code(const char *code, struct buf *b)
{
	struct buf out;

	buf_init(&out, CODE_BYTES);
	while (*code != '\0') {
		const char *end = literal_end(code);

		if (*code == '.' && code[1] != '0')
			buf_char(&out, '\\');
		buf_add(&out, code, (size_t)(end - code));
		code = end;
	}
	xlsx_attribute(b, out.data);
	buf_free(&out);
}

static void add_code(const char *code, struct buf *b)
{
	struct err e;
	struct format *f = format_open(code, &e);

	if (f != NULL && format_use(f) >= FORMAT_DATES)
		add_date_code(code, b);
	else
		xlsx_attribute(b, code);
	format_close(f);
}

static void add_formats(const struct xlsx_styles *s, struct buf *b)
{
	int own = 0;

	for (int i = 0; i < s->count; i++)
		own += format_id(s, i) == OWN_FORMATS + i;
	if (own == 0)
		return;
	buf_printf(b, "<numFmts count=\"%d\">", own);
	for (int i = 0; i < s->count; i++) {
		if (format_id(s, i) != OWN_FORMATS + i)
			continue;
		buf_printf(b, "<numFmt numFmtId=\"%d\" formatCode=\"",
		    OWN_FORMATS + i);
		add_code(s->list[i].code, b);
		buf_str(b, "\"/>");
	}
	buf_str(b, "</numFmts>");
}

/* The look of the roles, by indexes of the fonts, fills and borders below. */
static const struct {
	int font, fill, border;
	const char *align; /* alignment besides the horizontal one */
} roles[] = {
    [XLSX_BODY] = {0, 0, 0, "vertical=\"top\""},
    [XLSX_NUMBER] = {0, 0, 0, "vertical=\"top\" shrinkToFit=\"1\""},
    [XLSX_WRAPPED] = {0, 0, 0, "vertical=\"top\" wrapText=\"1\""},
    [XLSX_HEADER] = {1, 2, 1, "wrapText=\"1\""},
    [XLSX_BUTTON] = {1, 2, 1, "wrapText=\"1\""},
    [XLSX_TOTAL] = {1, 0, 2, "shrinkToFit=\"1\""},
    [XLSX_LABEL] = {1, 0, 2, ""},
};

/* Appends an alignment. The first style is also that of cells which a reader
 * adds, so it leaves numbers on the right. */
static void add_alignment(const struct xlsx_style *x, bool first, struct buf *b)
{
	static const char *const aligns[] = {
	    [ALIGN_LEFT] = "left",
	    [ALIGN_CENTER] = "center",
	    [ALIGN_RIGHT] = "right",
	};
	/* The text makes the gap, not the number before it: LibreOffice ignores
	 * the indent of a cell on the right whose neighbour has one, too. The
	 * button of a filter takes the room of two. */
	int indent = x->side.align == ALIGN_RIGHT && x->role == XLSX_BUTTON
			 ? 2
			 : x->side.apart;

	buf_str(b, " applyAlignment=\"1\"><alignment ");
	if (!first)
		buf_printf(b, "horizontal=\"%s\" ", aligns[x->side.align]);
	buf_str(b, roles[x->role].align);
	if (indent > 0)
		buf_printf(b, " indent=\"%d\"", indent);
	buf_str(b, "/></xf>");
}

static void add_cell_formats(const struct xlsx_styles *s, struct buf *b)
{
	buf_printf(b, "<cellXfs count=\"%d\">", s->count);
	for (int i = 0; i < s->count; i++) {
		const struct xlsx_style *x = &s->list[i];
		int id = format_id(s, i), font = roles[x->role].font,
		    fill = roles[x->role].fill, border = roles[x->role].border;

		buf_printf(b,
		    "<xf numFmtId=\"%d\" fontId=\"%d\" fillId=\"%d\" "
		    "borderId=\"%d\" xfId=\"0\"%s%s%s%s",
		    id, font, fill, border,
		    id ? " applyNumberFormat=\"1\"" : "",
		    font ? " applyFont=\"1\"" : "",
		    fill ? " applyFill=\"1\"" : "",
		    border ? " applyBorder=\"1\"" : "");
		add_alignment(x, i == 0, b);
	}
	buf_str(b, "</cellXfs>");
}

void xlsx_styles_xml(const struct xlsx_styles *s, struct buf *b)
{
	static const char font[] =
	    "<sz val=\"11\"/><color theme=\"1\"/><name val=\"Calibri\"/>"
	    "<family val=\"2\"/>";
	static const char side[] = "<color rgb=\"FF808080\"/>";

	buf_str(b, XLSX_XML "<styleSheet xmlns=\"" XLSX_MAIN "\">");
	add_formats(s, b);
	buf_printf(b,
	    "<fonts count=\"2\"><font>%s</font><font><b/>%s</font></fonts>",
	    font, font);
	buf_str(b, "<fills count=\"3\">"
		   "<fill><patternFill patternType=\"none\"/></fill>"
		   "<fill><patternFill patternType=\"gray125\"/></fill>"
		   "<fill><patternFill patternType=\"solid\">"
		   "<fgColor rgb=\"FFE7E6E6\"/><bgColor indexed=\"64\"/>"
		   "</patternFill></fill></fills>");
	buf_printf(b,
	    "<borders count=\"3\">"
	    "<border><left/><right/><top/><bottom/><diagonal/></border>"
	    "<border><left/><right/><top/><bottom style=\"thin\">%s</bottom>"
	    "<diagonal/></border>"
	    "<border><left/><right/><top style=\"thin\">%s</top><bottom/>"
	    "<diagonal/></border></borders>",
	    side, side);
	buf_str(b, "<cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" "
		   "fillId=\"0\" borderId=\"0\"><alignment vertical=\"top\"/>"
		   "</xf></cellStyleXfs>");
	add_cell_formats(s, b);
	buf_str(b, "<cellStyles count=\"1\"><cellStyle name=\"Normal\" "
		   "xfId=\"0\" builtinId=\"0\"/></cellStyles>"
		   "<dxfs count=\"0\"/><tableStyles count=\"0\"/>"
		   "</styleSheet>");
}

/* Writes the smallest valid theme. The series of charts take its accents, which
 * are colours that colour-blind readers can tell apart (Okabe and Ito, "Color
 * Universal Design"). */
void xlsx_theme_xml(struct buf *b)
{
	static const char *const colors[][2] = {{"dk1", "000000"},
	    {"lt1", "FFFFFF"}, {"dk2", "44546A"}, {"lt2", "E7E6E6"},
	    {"accent1", "0072B2"}, {"accent2", "E69F00"}, {"accent3", "009E73"},
	    {"accent4", "CC79A7"}, {"accent5", "D55E00"}, {"accent6", "56B4E9"},
	    {"hlink", "0563C1"}, {"folHlink", "954F72"}};
	static const char font[] = "<a:latin typeface=\"Calibri\"/>"
				   "<a:ea typeface=\"\"/><a:cs typeface=\"\"/>";
	static const char fill[] =
	    "<a:solidFill><a:schemeClr val=\"phClr\"/></a:solidFill>";
	static const char effect[] =
	    "<a:effectStyle><a:effectLst/></a:effectStyle>";

	buf_str(b,
	    XLSX_XML "<a:theme xmlns:a=\"http://schemas.openxmlformats.org/"
		     "drawingml/2006/main\" name=\"Report\">"
		     "<a:themeElements><a:clrScheme name=\"Report\">");
	for (size_t i = 0; i < sizeof(colors) / sizeof(*colors); i++)
		buf_printf(b, "<a:%s><a:srgbClr val=\"%s\"/></a:%s>",
		    colors[i][0], colors[i][1], colors[i][0]);
	buf_printf(b,
	    "</a:clrScheme><a:fontScheme name=\"Report\">"
	    "<a:majorFont>%s</a:majorFont><a:minorFont>%s</a:minorFont>"
	    "</a:fontScheme><a:fmtScheme name=\"Report\">"
	    "<a:fillStyleLst>%s%s%s</a:fillStyleLst>"
	    "<a:lnStyleLst><a:ln w=\"9525\">%s</a:ln>"
	    "<a:ln w=\"19050\">%s</a:ln><a:ln w=\"28575\">%s</a:ln>"
	    "</a:lnStyleLst>"
	    "<a:effectStyleLst>%s%s%s</a:effectStyleLst>"
	    "<a:bgFillStyleLst>%s%s%s</a:bgFillStyleLst>"
	    "</a:fmtScheme></a:themeElements></a:theme>",
	    font, font, fill, fill, fill, fill, fill, fill, effect, effect,
	    effect, fill, fill, fill);
}
