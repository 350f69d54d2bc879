/* SPDX-License-Identifier: MIT */
#include "encode/html/html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/chart/chart.h"
#include "encode/html/explore.h"
#include "encode/html/markup.h"
#include "encode/html/page.h"
#include "encode/table/cell.h"
#include "encode/table/format.h"
#include "encode/table/total.h"
#include "encode/text/out.h"

/* A formatted value is short; a field of PostgreSQL has at most 1 GB. */
#define SCRATCH_MAX ((size_t)1 << 30)
#define REMARK_MAX ((size_t)2000)
/* Size of a chart in points, as on paper. The page scales it up, so that its
 * text is about as large as the text of tables. */
#define CHART_WIDTH 432
#define CHART_HEIGHT 216
/* Browsers may break words of more characters than this. */
#define WORD_MAX 40
/* A text of more characters than this keeps its column from becoming narrower than
 * td.long of the page's style. */
#define LONG 24

#define HEAD_STYLE "background:#e4e9f0;color:#1b2430"

/* The opening markup of a cell. The longest is that of a centred word. */
struct lead {
	char text[sizeof("</td><td align=\"center\" nowrap>")];
	int len; /* 0: there is none */
};

struct html_column {
	struct lead lead;
	struct lead whole; /* for a value that is one word; none: use lead */
	bool wide;         /* a cell has said that its text is long */
	bool as_is;        /* values are shown as they come */
	bool carries;      /* cells carry their values for the script */
	struct format *format;
};

struct html {
	struct encoder base;
	struct out out;
	const struct report_info *info;
	const char *null;
	bool interactive;
	const struct schema *schema;
	struct html_column *columns;
	int count; /* columns */
	struct totals *totals;
	struct chart_option chart;
	struct chart_data *chart_data; /* NULL: no chart */
	struct buf scratch;
	int64_t rows;
	int64_t left_out; /* values that charts leave out */
	struct buf remark;
};

static void text(struct html *h, const char *s)
{
	html_text(&h->out, s, strlen(s));
}

static void markup(struct html *h, const char *s)
{
	out_str(&h->out, s);
}

static void element(
    struct html *h, const char *open, const char *content, const char *close)
{
	html_element(&h->out, open, content, close);
}

static struct encoder *html_open(const struct encoder_options *o, struct err *e)
{
	static const struct report_info unknown = {"Report", "", "", 0, 0, ""};
	struct html *h = mem_zalloc(sizeof(*h));

	(void)e;
	h->info = o->info ? o->info : &unknown;
	h->null = json_str(o->options, "null", "");
	h->interactive = json_bool(o->options, "interactive", false);
	buf_init(&h->scratch, SCRATCH_MAX);
	buf_init(&h->remark, REMARK_MAX);
	out_open(&h->out, o->sink);
	html_page_begin(&h->out, h->info, json_str(o->options, "lang", "en"),
	    h->interactive);
	return &h->base;
}

static void end_section(struct html *h)
{
	for (int i = 0; i < h->count; i++)
		format_close(h->columns[i].format);
	free(h->columns);
	h->columns = NULL;
	h->count = 0;
	totals_free(h->totals);
	h->totals = NULL;
	chart_data_free(h->chart_data);
	h->chart_data = NULL;
	chart_close(&h->chart);
	h->chart = (struct chart_option){0};
}

static void html_free(struct encoder *enc)
{
	struct html *h = (struct html *)enc;

	end_section(h);
	buf_free(&h->scratch);
	buf_free(&h->remark);
	out_close(&h->out);
	free(h);
}

static const char *align_of(const struct column_layout *c)
{
	return c->align == ALIGN_RIGHT    ? " align=\"right\""
	       : c->align == ALIGN_CENTER ? " align=\"center\""
					  : "";
}

/* Returns whether values have spaces or hyphens but must not be broken. */
static bool is_one_word(enum column_kind kind)
{
	return kind_is_moment(kind) || kind == KIND_UUID;
}

static void set_lead(
    struct lead *lead, bool first, const char *align, bool word)
{
	lead->len = snprintf(lead->text, sizeof(lead->text), "%s<td%s%s>",
	    first ? "<tr>" : "</td>", align, word ? " nowrap" : "");
}

/* Columns aligned right have no markup for words: browsers do not break
 * numbers. */
static int prepare_column(struct html *h, int i, struct err *e)
{
	const struct column_layout *l = &h->base.layout.columns[i];
	const struct column *column = &h->schema->columns[i];
	struct html_column *c = &h->columns[i];
	bool word = is_one_word(column->kind);

	set_lead(&c->lead, i == 0, align_of(l), word);
	if (!word && l->align != ALIGN_RIGHT)
		set_lead(&c->whole, i == 0, align_of(l), true);
	c->as_is = l->format == NULL && cell_as_is(column);
	c->carries =
	    h->interactive && explore_carries(column, l->format != NULL);
	if (l->format == NULL)
		return 0;
	c->format = format_open(l->format, e);
	if (c->format == NULL || format_check_language(c->format, e) != 0)
		return -1;
	format_set_money(c->format, column->money);
	return 0;
}

static int prepare_columns(struct html *h, struct err *e)
{
	h->count = h->base.layout.count;
	h->columns = mem_zalloc((size_t)h->count * sizeof(*h->columns) + 1);
	for (int i = 0; i < h->count; i++) {
		if (prepare_column(h, i, e) != 0)
			return -1;
	}
	return 0;
}

static void add_header(struct html *h)
{
	const struct layout *layout = &h->base.layout;

	markup(h, "<colgroup>");
	for (int i = 0; i < layout->count; i++) {
		if (layout->columns[i].width > 0) {
			char col[64];

			snprintf(col, sizeof(col), "<col style=\"width:%gch\">",
			    layout->columns[i].width);
			markup(h, col);
		} else {
			markup(h, "<col>");
		}
	}
	markup(h, "</colgroup>\n<thead>\n<tr>");
	for (int i = 0; i < layout->count; i++) {
		const char *align = align_of(layout->columns + i);

		markup(h, "<th scope=\"col\"");
		markup(h, *align ? align : " align=\"left\"");
		if (h->interactive)
			markup(h, explore_kind(h->schema->columns + i));
		element(h, " style=\"" HEAD_STYLE "\">",
		    layout->columns[i].label, "</th>");
	}
	markup(h, "</tr>\n</thead>\n<tbody>\n");
}

static int html_begin(
    struct encoder *enc, const struct section *section, struct err *e)
{
	struct html *h = (struct html *)enc;
	int chart;

	end_section(h);
	h->schema = section->schema;
	h->rows = 0;
	if (prepare_columns(h, e) != 0)
		return -1;
	if (enc->layout.totals)
		h->totals = totals_open(&enc->layout, h->schema);
	chart = chart_open(&h->chart, enc->options, section, e);
	if (chart < 0)
		return -1;
	h->chart.tips = h->interactive;
	if (chart > 0)
		h->chart_data =
		    chart_data_open(&h->chart, h->schema, &enc->layout);
	markup(h, "<section>\n<table cellpadding=\"4\" cellspacing=\"0\"");
	if (section->name != NULL)
		element(h, ">\n<caption align=\"left\"><h2>", section->name,
		    "</h2></caption>\n");
	else
		markup(h, " aria-labelledby=\"title\">\n");
	add_header(h);
	return out_check(&h->out, e);
}

static int add_formatted(struct html *h, const struct format *f,
    enum column_kind kind, const struct value *v, struct err *e)
{
	buf_clear(&h->scratch);
	format_add(f, kind, v, &h->scratch);
	if (h->scratch.overflow)
		return err_set(
		    e, ERR_PERMANENT, "HTML: a value does not fit into memory");
	html_text(&h->out, h->scratch.data, h->scratch.len);
	return 0;
}

/* Writes a value, which is not NULL, without a format; `found` is what
 * html_look found in it. */
static void add_plain(struct html *h, int column, enum column_kind kind,
    const struct value *v, unsigned found)
{
	struct value pieces[2];
	int n = cell_plain(&h->schema->columns[column], kind, v, pieces);

	for (int i = 0; i < n; i++)
		html_looked(
		    &h->out, pieces[i].data, (size_t)pieces[i].len, found);
}

/* Returns whether the value is one word that browsers would break:
 * R-2026-00005. */
static bool is_word(const struct value *v, unsigned found)
{
	return (found & (HTML_SPACES | HTML_JOINTS)) == HTML_JOINTS &&
	       v->len <= WORD_MAX;
}

/* Returns whether the value is the first long one of a column of texts. One
 * cell is enough to keep the whole column wide. */
static bool widens(struct html *h, int i, const struct value *v)
{
	struct html_column *c = &h->columns[i];
	int n = 0;

	if (v->len <= LONG || c->wide || c->whole.len == 0 ||
	    h->base.layout.columns[i].width > 0)
		return false;
	/* Characters of East Asia count two. */
	for (int at = 0; at < v->len && n <= LONG; at++) {
		unsigned char b = (unsigned char)v->data[at];

		n += ((b & 0xC0) != 0x80) + (b >= 0xE3);
	}
	return c->wide = n > LONG;
}

static void add_lead(
    struct html *h, int i, const struct value *v, unsigned found)
{
	const struct html_column *c = &h->columns[i];
	bool word = c->whole.len != 0 && is_word(v, found);
	const struct lead *lead = word ? &c->whole : &c->lead;
	bool null = v->len < 0, wide = widens(h, i, v);
	bool carries = null ? h->interactive && *h->null != '\0' : c->carries;

	/* A copy of fixed length is faster. */
	memcpy(out_room(&h->out, sizeof(lead->text)), lead->text,
	    sizeof(lead->text));
	h->out.at += lead->len;
	if (!wide && !carries)
		return;
	h->out.at--; /* the ">" */
	if (wide)
		markup(h, " class=\"long\"");
	if (carries && null)
		markup(h, " data-v=\"\"");
	else if (carries)
		explore_value(&h->out, &h->schema->columns[i], v);
	markup(h, ">");
}

static int add_cell(struct html *h, int i, const struct value *v, struct err *e)
{
	const struct html_column *c = &h->columns[i];
	enum column_kind kind = h->schema->columns[i].kind;
	unsigned found = v->len < 0 ? 0 : html_look(v->data, (size_t)v->len);

	add_lead(h, i, v, found);
	if (v->len < 0)
		text(h, h->null);
	else if (c->as_is)
		html_looked(&h->out, v->data, (size_t)v->len, found);
	else if (c->format == NULL)
		add_plain(h, i, kind, v, found);
	else
		return add_formatted(h, c->format, kind, v, e);
	return 0;
}

static int add_row(struct html *h, const struct value *v, struct err *e)
{
	for (int i = 0; i < h->count; i++) {
		if (add_cell(h, i, &v[i], e) != 0)
			return -1;
	}
	markup(h, h->count ? "</td></tr>\n" : "<tr></tr>\n");
	return 0;
}

static int html_rows(
    struct encoder *enc, const struct batch *batch, struct err *e)
{
	struct html *h = (struct html *)enc;
	const struct value *v = batch->values;

	for (int row = 0; row < batch->rows; row++, v += h->count) {
		if (add_row(h, v, e) != 0)
			return -1;
		if (h->totals != NULL)
			totals_row(h->totals, v);
		if (h->chart_data != NULL &&
		    chart_data_row(h->chart_data, v, e) != 0)
			return -1;
	}
	h->rows += batch->rows;
	return out_check(&h->out, e);
}

/* `place` is the column of the word "Total"; here the word precedes a total. */
static int add_total(
    struct html *h, int i, int place, struct buf *total, struct err *e)
{
	enum total of = h->base.layout.columns[i].total;
	const char *word = layout_total_word(of);
	enum column_kind kind;
	struct value v;
	bool known = totals_text(h->totals, i, total, &kind);

	if (i == place)
		element(h, "<small>Total</small>", known ? " " : "", "");
	if (!known)
		return 0;
	v = (struct value){total->data, (int32_t)total->len};
	if (*word != '\0')
		element(h, "<small>", word, "</small> ");
	/* A format fits the values of the column; a count is not one of
	 * them. */
	if (h->columns[i].format != NULL && of != TOTAL_COUNT)
		return add_formatted(h, h->columns[i].format, kind, &v, e);
	add_plain(h, i, kind, &v, html_look(v.data, (size_t)v.len));
	return 0;
}

static int add_totals(struct html *h, struct err *e)
{
	const struct layout *layout = &h->base.layout;
	int place = layout_total_place(layout);
	struct buf total;
	int rc = 0;

	buf_init(&total, 64 << 10);
	markup(h, "<tfoot>\n<tr>");
	for (int i = 0; rc == 0 && i < layout->count; i++) {
		const struct column_layout *c = layout->columns + i;

		if (c->total == TOTAL_NONE && i == place) {
			markup(
			    h, "<th scope=\"row\" align=\"left\">Total</th>");
			continue;
		}
		markup(h, "<td");
		markup(h, align_of(c));
		markup(h, ">");
		if (c->total != TOTAL_NONE)
			rc = add_total(h, i, place, &total, e);
		markup(h, "</td>");
	}
	markup(h, "</tr>\n</tfoot>\n");
	buf_free(&total);
	return rc;
}

static int add_chart(struct html *h, struct err *e)
{
	struct buf *svg = &h->scratch;

	buf_clear(svg);
	if (chart_svg(h->chart_data, CHART_WIDTH, CHART_HEIGHT, svg, e) != 0)
		return -1;
	markup(h, "<figure>\n");
	out_add(&h->out, svg->data, svg->len);
	markup(h, "\n</figure>\n");
	return 0;
}

static int html_end(struct encoder *enc, struct err *e)
{
	struct html *h = (struct html *)enc;
	char count[64];

	markup(h, "</tbody>\n");
	if (h->totals != NULL && add_totals(h, e) != 0)
		return -1;
	snprintf(count, sizeof(count), "%" PRId64 " row%s", h->rows,
	    h->rows == 1 ? "" : "s");
	element(h, "</table>\n<p class=\"rows\">", count, "");
	if (enc->note != NULL)
		element(h, ": ", enc->note, "");
	markup(h, "</p>\n");
	if (h->chart_data != NULL && add_chart(h, e) != 0)
		return -1;
	totals_remark(h->totals, &h->remark);
	chart_data_remark(h->chart_data, &h->remark);
	h->left_out += chart_data_left_out(h->chart_data);
	markup(h, "</section>\n");
	end_section(h);
	return out_check(&h->out, e);
}

static int html_finish(struct encoder *enc, struct err *e)
{
	struct html *h = (struct html *)enc;

	html_page_end(&h->out, h->info);
	chart_remark(h->left_out, &h->remark);
	return out_flush(&h->out, e);
}

static const char *html_remark(struct encoder *enc)
{
	struct html *h = (struct html *)enc;

	return h->remark.len > 0 ? h->remark.data : NULL;
}

static const struct option_rule html_own[] = {
    {"null", JSON_STRING, NULL, "what stands for NULL; default empty", NULL},
    {"lang", JSON_STRING, OPTION_LANGUAGE,
	"the language of the page, as de or pt-BR; default en", NULL},
    {"interactive", JSON_TRUE, NULL,
	"readers can sort, filter and search the tables; default false", NULL},
    OPTION_END,
};
static const struct option_owner html_options = {"HTML", html_own, NULL};

const struct encoder_type encoder_html = {
    .name = "HTML",
    .extension = "html",
    .media_type = "text/html; charset=utf-8",
    .text = true,
    .options = {&layout_options, &chart_options, &html_options},
    .open = html_open,
    .begin = html_begin,
    .rows = html_rows,
    .end = html_end,
    .finish = html_finish,
    .free = html_free,
    .remark = html_remark,
};
