/* SPDX-License-Identifier: MIT */
#include "encode/pdf/pdf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "encode/chart/chart.h"
#include "encode/pdf/page.h"
#include "encode/pdf/section.h"

/* Most bytes of a title in Info, where a character takes up to four bytes. */
#define INFO_MAX ((size_t)1 << 20)
#define REMARK_MAX ((size_t)2000)
#define DEFAULT_FONT "Noto Sans,DejaVu Sans,sans-serif"
#define DEFAULT_MARGIN 12.0 /* mm */
#define DEFAULT_SIZE 8.0    /* points */
#define POINT 100
#define MM (7200 / 25.4)

struct pdf {
	struct encoder base;
	const struct report_info *info;
	struct pdf_file *file;
	struct pdf_pages pages;
	struct pdf_section *section;
	char *time;
	char *header, *footer;
	struct buf remark; /* empty: there is no remark */
	int64_t again;     /* groups that begin again, as rows are not sorted */
	int64_t left_out;  /* values that charts leave out */
	bool grouped;      /* a section has the column of "group_by" */
	int size;
	int paper[2];
};

static const struct {
	const char *name;
	int sides[2];
} papers[] = {
    {"A4", {59528, 84189}},
    {"A3", {84189, 119055}},
    {"A5", {41953, 59528}},
    {"letter", {61200, 79200}},
    {"legal", {61200, 100800}},
};

static void set_paper(struct pdf *p, const char *name)
{
	for (size_t i = 0; i < sizeof(papers) / sizeof(*papers); i++) {
		if (strcmp(papers[i].name, name) == 0)
			memcpy(p->paper, papers[i].sides, sizeof(p->paper));
	}
}

static double number(const json_t *o, const char *key, double def)
{
	const json_t *n = json_object_get(o, key);

	return n != NULL ? json_number_value(n) : def;
}

/* Returns the text in one line; the caller frees it. */
static char *one_line(const char *text)
{
	char *line = mem_strdup(text);

	for (char *s = line; *s != '\0'; s++) {
		if ((unsigned char)*s < ' ' && strchr("\t\n\r", *s) != NULL)
			*s = ' ';
	}
	return line;
}

static void set_pages(struct pdf *p, const json_t *o)
{
	const struct report_info *info = p->info;
	bool zone = *info->time_text != '\0' && *info->time_zone != '\0';

	p->time = mem_printf("%s%s%s", info->time_text, zone ? " " : "",
	    zone ? info->time_zone : "");
	p->size = (int)(number(o, "font_size", DEFAULT_SIZE) * POINT);
	set_paper(p, json_str(o, "page", "A4"));
	p->pages.file = p->file;
	p->pages.margin = (int)(number(o, "margin", DEFAULT_MARGIN) * MM);
	p->header = one_line(json_str(o, "header", info->title));
	p->footer = one_line(json_str(o, "footer", ""));
	p->pages.header = p->header;
	p->pages.footer = p->footer;
	p->pages.time = p->time;
	p->pages.width = p->paper[0];
	p->pages.height = p->paper[1];
	pdf_pages_open(&p->pages);
}

static struct encoder *pdf_open(const struct encoder_options *o, struct err *e)
{
	static const struct report_info unknown = {"Report", "", "", 0, 0, ""};
	struct pdf *p = mem_zalloc(sizeof(*p));
	bool replace = strcmp(json_str(o->options, "missing_glyph", "error"),
			   "replace") == 0;

	p->info = o->info ? o->info : &unknown;
	buf_init(&p->remark, REMARK_MAX);
	p->file = pdf_file_open(o->sink);
	set_pages(p, o->options);
	p->pages.text = pdf_text_open(p->file,
	    &(struct pdf_text_options){
		.family = json_str(o->options, "font", DEFAULT_FONT),
		.language = json_str(o->options, "lang", "en"),
		.replace = replace},
	    e);
	if (p->pages.text != NULL)
		return &p->base;
	encoder_pdf.free(&p->base);
	return NULL;
}

static void pdf_free(struct encoder *enc)
{
	struct pdf *p = (struct pdf *)enc;

	pdf_section_free(p->section);
	pdf_pages_free(&p->pages);
	pdf_text_free(p->pages.text);
	pdf_file_free(p->file);
	free(p->time);
	free(p->header);
	free(p->footer);
	buf_free(&p->remark);
	free(p);
}

/* Refuses a "group_by" whose column no section has. Some of several sections
 * may lack it. */
static int check_group(struct pdf *p, struct err *e)
{
	const char *name = json_str(p->base.options, "group_by", NULL);

	p->grouped = p->grouped || pdf_section_grouped(p->section);
	if (name == NULL || p->grouped || p->base.sections < p->base.expected)
		return 0;
	return encoder_lacks(&p->base, "group_by", name, e);
}

/* Returns -1. A failed write replaces the error in *e, as it has nothing to do
 * with a row or column. */
static int fail(const struct pdf *p, struct err *e)
{
	pdf_file_check(p->file, e);
	return -1;
}

static int pdf_begin(
    struct encoder *enc, const struct section *section, struct err *e)
{
	struct pdf *p = (struct pdf *)enc;

	pdf_section_free(p->section);
	p->section = pdf_section_open(
	    &(struct pdf_section_options){.section = section,
		.layout = &enc->layout,
		.options = enc->options,
		.pages = &p->pages,
		.title = enc->sections == 1 ? p->info->title : NULL,
		.size = p->size,
		.paper = {p->paper[0], p->paper[1]}},
	    e);
	return p->section ? check_group(p, e) : fail(p, e);
}

static int pdf_rows(
    struct encoder *enc, const struct batch *batch, struct err *e)
{
	struct pdf *p = (struct pdf *)enc;

	return pdf_section_rows(p->section, batch, e) ? fail(p, e) : 0;
}

static int pdf_end(struct encoder *enc, struct err *e)
{
	struct pdf *p = (struct pdf *)enc;
	int rc = pdf_section_end(p->section, enc->note, e);

	p->again += pdf_section_again(p->section);
	p->left_out += pdf_section_left_out(p->section);
	pdf_section_remark(p->section, &p->remark);
	pdf_section_free(p->section);
	p->section = NULL;
	return rc ? fail(p, e) : 0;
}

/* Appends an entry of Info as one line: readers show it as the title of a
 * window. */
static void add_entry(struct buf *b, const char *key, const char *text)
{
	const char *end = text + strlen(text);
	struct buf shown;

	if (*text == '\0')
		return;
	buf_init(&shown, INFO_MAX);
	while (text < end) {
		const char *from = text;
		uint32_t c = utf8_next(&text, end);

		if (c < ' ')
			buf_char(&shown, ' ');
		else if (utf8_is_control(c))
			buf_str(&shown, "\uFFFD");
		else
			buf_add(&shown, from, (size_t)(text - from));
	}
	buf_str(b, key);
	pdf_file_text(b, shown.data, shown.len);
	buf_free(&shown);
}

static int write_info(struct pdf *p, int object, struct err *e)
{
	time_t t = (time_t)p->info->time;
	char date[40];
	struct buf b;
	struct tm tm;
	int rc;

	buf_init(&b, 16 * INFO_MAX);
	buf_str(&b, "<<");
	add_entry(&b, "/Title", p->info->title);
	add_entry(&b, "/Author", p->info->author);
	if (t != 0 && gmtime_r(&t, &tm) != NULL &&
	    strftime(
		date, sizeof(date), "/CreationDate(D:%Y%m%d%H%M%SZ)", &tm) > 0)
		buf_str(&b, date);
	buf_str(&b, "/Producer(reportd)>>");
	rc = pdf_file_object(p->file, object, &b, e);
	buf_free(&b);
	return rc;
}

static void add_replaced(const struct pdf_replaced *lost, struct buf *b)
{
	if (lost->count == 1)
		buf_printf(b,
		    "%s1 character that no font has was replaced, U+%04X",
		    b->len ? "; " : "", lost->first);
	else if (lost->count > 1)
		buf_printf(b,
		    "%s%ld characters that no font has were replaced, such as "
		    "U+%04X",
		    b->len ? "; " : "", lost->count, lost->first);
}

static void make_remark(struct pdf *p)
{
	struct pdf_replaced lost = pdf_text_replaced(p->pages.text);
	bool header = p->pages.short_header, footer = p->pages.short_footer;
	struct buf *b = &p->remark;

	add_replaced(&lost, b);
	if (p->again > 0)
		buf_printf(b,
		    "%sgroup_by %s: the rows are not sorted by it; %" PRId64
		    " group%s again",
		    b->len ? "; " : "",
		    json_str(p->base.options, "group_by", ""), p->again,
		    p->again == 1 ? " begins" : "s begin");
	if (header || footer)
		buf_printf(b, "%sthe page's %s with \u2026", b->len ? "; " : "",
		    header && footer
			? "header and footer are longer than their lines and "
			  "end"
		    : header ? "header is longer than its line and ends"
			     : "footer is longer than its line and ends");
	chart_remark(p->left_out, b);
}

static int pdf_finish(struct encoder *enc, struct err *e)
{
	struct pdf *p = (struct pdf *)enc;
	int catalogue, info = pdf_file_number(p->file);

	if (p->pages.count == 0 && pdf_pages_next(&p->pages, e) != 0)
		return -1;
	if (pdf_pages_finish(&p->pages, &catalogue, e) != 0 ||
	    write_info(p, info, e) != 0)
		return -1;
	make_remark(p);
	return pdf_file_finish(p->file, catalogue, info, e);
}

static const char *pdf_remark(struct encoder *enc)
{
	struct pdf *p = (struct pdf *)enc;

	return p->remark.len > 0 ? p->remark.data : NULL;
}

static const struct option_rule pdf_own[] = {
    {"page", JSON_STRING, "A4|A3|A5|letter|legal", "default A4", NULL},
    {"orientation", JSON_STRING, "auto|portrait|landscape",
	"default auto: landscape when the columns need it", NULL},
    {"margin", JSON_REAL, "0..50", "in millimetres; default 12", NULL},
    {"font", JSON_STRING, "1..", "a font family, or several with commas", NULL},
    {"font_size", JSON_REAL, "4..24", "of tables, in points; default 8", NULL},
    {"header", JSON_STRING, NULL,
	"above each page but the first; default the title", NULL},
    {"footer", JSON_STRING, NULL,
	"below each page, beside its number; default empty", NULL},
    {"zebra", JSON_TRUE, NULL, "every other row shaded; default true", NULL},
    {"group_by", JSON_STRING, "1..",
	"a column: a heading and subtotals wherever its value changes", NULL},
    {"repeat_columns", JSON_INTEGER, "0..1600",
	"first columns that are repeated when the table is wider than a page; "
	"default 1",
	NULL},
    {"missing_glyph", JSON_STRING, "error|replace",
	"what a character that no font has does; default error", NULL},
    {"null", JSON_STRING, NULL, "what stands for NULL; default empty", NULL},
    {"lang", JSON_STRING, OPTION_LANGUAGE,
	"the language, as ja or zh-Hans, by which fonts are chosen; default "
	"en",
	NULL},
    OPTION_END,
};
static const struct option_owner pdf_options = {"PDF", pdf_own, NULL};

const struct encoder_type encoder_pdf = {
    .name = "PDF",
    .extension = "pdf",
    .media_type = "application/pdf",
    .options = {&layout_options, &pdf_options, &chart_options},
    .open = pdf_open,
    .begin = pdf_begin,
    .rows = pdf_rows,
    .end = pdf_end,
    .finish = pdf_finish,
    .free = pdf_free,
    .remark = pdf_remark,
};
