/* SPDX-License-Identifier: MIT */
#include "encode/text/html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "encode/chart/chart.h"
#include "encode/table/format.h"
#include "encode/table/total.h"
#include "encode/text/out.h"
#include "rows/moment.h"

/* A formatted value is short; a field of PostgreSQL has 1 GB at most. */
#define SCRATCH_MAX ((size_t)1 << 30)
#define CHART_WIDTH 640
#define CHART_HEIGHT 320

/* A carriage return stays as it is: browsers read it, with or without a line
 * feed after it, as one line break. Its reference would be seen as nothing. */
static const struct escapes escapes = {
    .bytes = {'<', '>', '&', '"'},
    .text = {['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;"},
};

/* Colours that stand on both light and dark, or come in pairs with their
 * ground. Below 8 kB, more than which some mail clients drop whole. */
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
    "figure{margin:1em 0;max-width:640px;background:#fff;color:#1b2430}\n"
    "svg{max-width:100%;height:auto}\n"
    "footer,.rows{font-size:.86em;opacity:.75;margin:.5em 0}\n"
    "@media (prefers-color-scheme:dark){thead th{"
    "background:#2b323c!important;color:#e9edf2!important}}\n"
    "@page{margin:12mm}\n"
    "@media print{body{margin:0;font-size:8.5pt}thead{display:"
    "table-header-group}tfoot{display:table-row-group}"
    "thead th{position:static}tr,figure{break-inside:avoid}}\n"
    "</style>\n";

#define HEAD_STYLE "background:#e4e9f0;color:#1b2430"

struct html {
	struct encoder base;
	struct out out;
	const struct report_info *info;
	const char *lang;
	const char *null;
	const struct schema *schema;
	int columns;
	char **lead; /* what opens the cell of a column */
	struct format **formats;
	struct totals *totals;
	struct chart_option chart;
	struct chart_data *chart_data; /* NULL: no chart */
	struct buf scratch;
	int64_t rows;
};

static void text(struct html *h, const char *s)
{
	out_escaped(&h->out, &escapes, s, strlen(s));
}

static void markup(struct html *h, const char *s)
{
	out_str(&h->out, s);
}

static void element(
    struct html *h, const char *open, const char *content, const char *close)
{
	markup(h, open);
	text(h, content);
	markup(h, close);
}

static void begin_page(struct html *h)
{
	element(h, "<!DOCTYPE html>\n<html lang=\"", h->lang, "\">\n");
	markup(h, "<head>\n<meta charset=\"utf-8\">\n"
		  "<meta name=\"viewport\" content=\"width=device-width, "
		  "initial-scale=1\">\n"
		  "<meta name=\"color-scheme\" content=\"light dark\">\n"
		  "<meta http-equiv=\"Content-Security-Policy\" content=\""
		  "default-src 'none'; style-src 'unsafe-inline'\">\n"
		  "<meta name=\"generator\" content=\"reportd\">\n");
	if (*h->info->author != '\0')
		element(h, "<meta name=\"author\" content=\"", h->info->author,
		    "\">\n");
	element(h, "<title>", h->info->title, "</title>\n");
	markup(h, style);
	element(
	    h, "</head>\n<body>\n<h1 id=\"title\">", h->info->title, "</h1>\n");
}

static struct encoder *html_open(const struct encoder_options *o, struct err *e)
{
	static const struct report_info unknown = {"Report", "", "", 0, 0, ""};
	struct html *h = mem_zalloc(sizeof(*h));

	(void)e;
	h->info = o->info ? o->info : &unknown;
	h->lang = json_str(o->options, "lang", "en");
	h->null = json_str(o->options, "null", "");
	buf_init(&h->scratch, SCRATCH_MAX);
	out_open(&h->out, o->sink);
	begin_page(h);
	return &h->base;
}

static void end_section(struct html *h)
{
	for (int i = 0; i < h->columns; i++) {
		free(h->lead[i]);
		format_close(h->formats[i]);
	}
	free(h->lead);
	free(h->formats);
	h->lead = NULL;
	h->formats = NULL;
	h->columns = 0;
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
	out_close(&h->out);
	free(h);
}

static const char *align_of(const struct column_layout *c)
{
	return c->align == ALIGN_RIGHT    ? " align=\"right\""
	       : c->align == ALIGN_CENTER ? " align=\"center\""
					  : "";
}

/* What has spaces or hyphens but is one word. */
static bool is_moment(enum column_kind kind)
{
	return kind == KIND_DATE || kind == KIND_TIME || kind == KIND_TIMETZ ||
	       kind == KIND_TIMESTAMP || kind == KIND_TIMESTAMPTZ ||
	       kind == KIND_UUID;
}

static int prepare_columns(struct html *h, struct err *e)
{
	const struct layout *layout = &h->base.layout;
	size_t count = (size_t)layout->count + 1;

	h->lead = mem_zalloc(count * sizeof(*h->lead));
	h->formats = mem_zalloc(count * sizeof(*h->formats));
	for (h->columns = 0; h->columns < layout->count; h->columns++) {
		int i = h->columns;
		const struct column_layout *c = layout->columns + i;

		if (c->format != NULL) {
			h->formats[i] = format_open(c->format, e);
			if (h->formats[i] == NULL ||
			    format_check_language(h->formats[i], e) != 0)
				return -1;
			format_set_money(
			    h->formats[i], h->schema->columns[i].money);
		}
		h->lead[i] =
		    mem_printf("%s<td%s%s>", i ? "</td>" : "<tr>", align_of(c),
			is_moment(h->schema->columns[i].kind) ? " nowrap" : "");
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
	out_escaped(&h->out, &escapes, h->scratch.data, h->scratch.len);
	return 0;
}

/* Not NULL. */
static void add_plain(
    struct html *h, enum column_kind kind, const struct value *v)
{
	size_t len = (size_t)v->len;
	const char *rest;

	if (kind == KIND_BOOLEAN && len == 1) {
		markup(h, *v->data == 't' ? "true" : "false");
	} else if (kind == KIND_TIMESTAMPTZ) {
		len = moment_without_offset(kind, v, &rest);
		out_escaped(&h->out, &escapes, v->data, len);
		out_escaped(
		    &h->out, &escapes, rest, (size_t)(v->data + v->len - rest));
	} else {
		out_escaped(&h->out, &escapes, v->data, len);
	}
}

static int add_row(struct html *h, const struct value *v, struct err *e)
{
	for (int i = 0; i < h->columns; i++, v++) {
		enum column_kind kind = h->schema->columns[i].kind;

		markup(h, h->lead[i]);
		if (v->len < 0)
			text(h, h->null);
		else if (h->formats[i] == NULL)
			add_plain(h, kind, v);
		else if (add_formatted(h, h->formats[i], kind, v, e) != 0)
			return -1;
	}
	markup(h, h->columns ? "</td></tr>\n" : "<tr></tr>\n");
	return 0;
}

static int html_rows(
    struct encoder *enc, const struct batch *batch, struct err *e)
{
	struct html *h = (struct html *)enc;
	const struct value *v = batch->values;

	for (int row = 0; row < batch->rows; row++, v += h->columns) {
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

/* What a total is, where it is no sum. */
static const char *const total_words[] = {
    [TOTAL_NONE] = "",
    [TOTAL_SUM] = "",
    [TOTAL_AVG] = "<small>avg</small> ",
    [TOTAL_COUNT] = "<small>count</small> ",
    [TOTAL_MIN] = "<small>min</small> ",
    [TOTAL_MAX] = "<small>max</small> ",
};

static int add_total(struct html *h, int i, struct buf *total, struct err *e)
{
	enum total of = h->base.layout.columns[i].total;
	enum column_kind kind;
	struct value v;

	if (!totals_text(h->totals, i, total, &kind))
		return 0;
	v = (struct value){total->data, (int32_t)total->len};
	markup(h, total_words[of]);
	/* A format is that of the values; a count is none of them. */
	if (h->formats[i] != NULL && of != TOTAL_COUNT)
		return add_formatted(h, h->formats[i], kind, &v, e);
	add_plain(h, kind, &v);
	return 0;
}

static int add_totals(struct html *h, struct err *e)
{
	const struct layout *layout = &h->base.layout;
	bool labelled = false;
	struct buf total;
	int rc = 0;

	buf_init(&total, 64 << 10);
	markup(h, "<tfoot>\n<tr>");
	for (int i = 0; rc == 0 && i < layout->count; i++) {
		const struct column_layout *c = layout->columns + i;

		if (c->total == TOTAL_NONE && !labelled) {
			markup(
			    h, "<th scope=\"row\" align=\"left\">Total</th>");
			labelled = true;
			continue;
		}
		markup(h, "<td");
		markup(h, align_of(c));
		markup(h, ">");
		if (c->total != TOTAL_NONE)
			rc = add_total(h, i, &total, e);
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
	markup(h, "</section>\n");
	end_section(h);
	return out_check(&h->out, e);
}

/* Run 42, <time>2026-03-01 09:30:00</time>. Times are in Europe/Berlin. */
static void add_footer(struct html *h)
{
	const struct report_info *info = h->info;
	time_t t = (time_t)info->time;
	char line[64];
	struct tm tm;

	markup(h, "<footer>");
	if (info->run_id != 0) {
		snprintf(line, sizeof(line), "Run %" PRId64 ", ", info->run_id);
		markup(h, line);
	}
	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		element(h, "<time datetime=\"", line, "\">");
	element(h, "", info->time_text, "</time>. ");
	element(h, "Times are in ", info->time_zone, ".</footer>\n");
}

static int html_finish(struct encoder *enc, struct err *e)
{
	struct html *h = (struct html *)enc;

	if (*h->info->time_text != '\0')
		add_footer(h);
	markup(h, "</body>\n</html>\n");
	return out_flush(&h->out, e);
}

static const struct option_rule html_own[] = {
    {"null", JSON_STRING, NULL, "what stands for NULL; default empty", NULL},
    {"lang", JSON_STRING, NULL,
	"the language of the page, as de or pt-BR; default en", NULL},
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
};
