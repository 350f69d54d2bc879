/* SPDX-License-Identifier: MIT */
#include "notice/mail_text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "notice/words.h"
#include "place/scheme.h"

/* Bytes: more than any notice can need with 100 links and a body of its own. */
#define TEXT_MAX ((size_t)16 << 20)

/* Repeated in the elements, because mail programs drop style sheets. */
#define FONT "font-family:Arial,Helvetica,sans-serif;font-size:14px"
#define QUOTE                                                               \
	"margin:0 0 14px 0;padding:6px 12px;border-left:3px solid #c0392b;" \
	"background:#f6f6f6"
#define SMALL "font-size:12px;color:#666666"

void mail_text_init(struct mail_text *t)
{
	*t = (struct mail_text){0};
	buf_init(&t->plain, TEXT_MAX);
	buf_init(&t->html, TEXT_MAX);
	buf_str(&t->plain, "");
	buf_str(&t->html, "<div style=\"" FONT "\">\n");
}

void mail_text_free(struct mail_text *t)
{
	buf_free(&t->plain);
	buf_free(&t->html);
}

/* ---- markup ---- */

static void escape(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			buf_str(b, "<br>\n");
		else
			buf_markup(b, *text);
	}
}

static void begin_paragraph(struct mail_text *t, const char *style)
{
	if (t->plain.len > 0)
		buf_char(&t->plain, '\n');
	buf_printf(&t->html, "<p%s%s%s>", *style ? " style=\"" : "", style,
	    *style ? "\"" : "");
}

static void paragraph(struct mail_text *t, const char *style, const char *text)
{
	begin_paragraph(t, style);
	buf_printf(&t->plain, "%s\n", text);
	escape(&t->html, text);
	buf_str(&t->html, "</p>\n");
}

static void add_heading(struct mail_text *t, const char *text)
{
	paragraph(t, "font-size:17px;font-weight:bold", text);
}

void mail_text_say(struct mail_text *t, const char *fmt, ...)
{
	struct buf text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	buf_init(&text, TEXT_MAX);
	if (n >= 0 && buf_reserve(&text, (size_t)n + 1) != NULL) {
		va_start(ap, fmt);
		vsnprintf(text.data, (size_t)n + 1, fmt, ap);
		va_end(ap);
		paragraph(t, "", text.data);
	}
	buf_free(&text);
}

/* Adds a paragraph of our own sentences, in which commands stand between ` and are
 * code in HTML. */
static void add_advice(struct mail_text *t, const char *text)
{
	char *copy = mem_strdup(text), *rest = copy, *part;

	begin_paragraph(t, "");
	buf_printf(&t->plain, "%s\n", text);
	for (bool is_code = false; (part = strsep(&rest, "`")) != NULL;
	     is_code = !is_code) {
		buf_str(&t->html, is_code ? "<code>" : "");
		escape(&t->html, part);
		buf_str(&t->html, is_code ? "</code>" : "");
	}
	buf_str(&t->html, "</p>\n");
	free(copy);
}

/* Adds a text from elsewhere, such as an error message, as an indented
 * quotation. */
static void add_quote(struct mail_text *t, const char *text)
{
	buf_str(&t->plain, "\n    ");
	for (const char *s = text; *s != '\0'; s++) {
		buf_char(&t->plain, *s);
		if (*s == '\n')
			buf_str(&t->plain, "    ");
	}
	buf_char(&t->plain, '\n');
	buf_str(&t->html, "<p style=\"" QUOTE "\">");
	escape(&t->html, text);
	buf_str(&t->html, "</p>\n");
}

void mail_text_plain(struct mail_text *t, const char *text)
{
	buf_printf(&t->plain, "\n%s\n", text);
}

static void add_small_print(struct mail_text *t, const char *text)
{
	paragraph(t, SMALL, text);
}

void mail_text_link(struct mail_text *t, const char *text, const char *url)
{
	begin_paragraph(t, "");
	buf_printf(&t->plain, "%s\n%s\n", text, url);
	/* The URL is not shown, because a signed one is long and means nothing
	 * to people. */
	buf_str(&t->html, "<a href=\"");
	escape(&t->html, url);
	buf_str(&t->html, "\" style=\"font-weight:bold\">Download</a> ");
	escape(&t->html, text);
	buf_str(&t->html, "</p>\n");
}

/* ---- documents ---- */

/* Returns the offset in bytes of the document's text after its <body> tag;
 * 0: it has none. */
static size_t inside_body(const char *document)
{
	const char *body = strcasestr(document, "<body");
	const char *end = body ? strchr(body, '>') : NULL;

	return end ? (size_t)(end + 1 - document) : 0;
}

char *mail_text_document(const struct mail_text *t, const char *shown)
{
	static const char end[] = "</div>\n";
	size_t n = shown ? inside_body(shown) : 0;

	if (n > 0)
		return mem_printf("%.*s\n%s%s<hr>\n%s", (int)n, shown,
		    t->html.data, end, shown + n);
	return mem_printf(
	    "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"></head>\n"
	    "<body>\n%s%s%s</body>\n</html>\n",
	    t->html.data, end, shown ? shown : "");
}

/* ---- values ---- */

void mail_text_bytes(char to[static 32], int64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB"};
	double n = (double)bytes / 1024;
	int unit = 0;

	if (bytes < 1024) {
		snprintf(
		    to, 32, "%d byte%s", (int)bytes, bytes == 1 ? "" : "s");
		return;
	}
	for (; n >= 999.95 && unit < 3; unit++)
		n /= 1024;
	snprintf(to, 32, "%.1f %s", n, units[unit]);
}

static void add_failure(struct mail_text *t, const struct notice *n)
{
	struct buf b;

	mail_text_say(t, "%s:", notice_trouble(n));
	add_quote(t, notice_error(n));
	buf_init(&b, 4096);
	notice_next(n, &b);
	mail_text_say(t, "%s", b.data);
	buf_clear(&b);
	buf_str(&b, "What to do: ");
	notice_hint(n, &b);
	add_advice(t, b.data);
	buf_free(&b);
}

void mail_text_open(struct mail_text *t, const struct notice *n)
{
	struct buf b;

	buf_init(&b, 8 * PATH_MAX);
	notice_headline(n, &b);
	add_heading(t, b.data);
	buf_clear(&b);
	notice_when(n, n->scheduled_for, &b);
	if (b.len > 0)
		mail_text_say(t, "For %s.", b.data);
	buf_clear(&b);
	notice_inputs(n, &b);
	if (b.len > 0)
		mail_text_say(t, "%s", b.data);
	buf_free(&b);
	if (n->failed)
		add_failure(t, n);
	if (*n->remark != '\0' && !notice_empty(n))
		mail_text_say(t, "Note: %s", n->shown_remark);
}

void mail_text_close(struct mail_text *t, const struct notice *n, bool place)
{
	struct buf b;

	buf_init(&b, 8 * PATH_MAX);
	notice_traces(n, &b);
	if (place && !n->failed && *n->output_url != '\0') {
		char *saved = place_of_url(n->output_url);
		char *shown = notice_show(saved);

		buf_printf(&b, ", saved as %s", shown);
		free(shown);
		free(saved);
		if (n->output_count > 1)
			buf_printf(
			    &b, " and %" PRId64 " more", n->output_count - 1);
	}
	add_small_print(t, b.data);
	buf_free(&b);
}

/* ---- templates ---- */

/* Appends the value of this name; false: there is no such name. In a subject, a
 * value of several lines becomes one line. */
static bool add_value(
    const struct notice *n, const char *name, bool one_line, struct buf *to)
{
	const struct {
		const char *name, *text;
	} texts[] = {{"report_name", n->shown_name},
	    {"report_type", n->shown_type},
	    {"status", n->failed ? "FAILED" : "COMPLETED"},
	    {"output_url", n->output_url}, {"sha256", n->sha256},
	    {"time_zone", n->time_zone}, {"scheduled_for", n->scheduled_for},
	    {"started_at", n->started_at}, {"finished_at", n->finished_at},
	    {"error_stage", n->error_stage},
	    {"error_sqlstate", n->error_sqlstate}};
	const struct {
		const char *name;
		int64_t number;
	} numbers[] = {{"run_id", n->run_id}, {"config_id", n->config_id},
	    {"rows", n->rows}, {"bytes", n->bytes},
	    {"attempt", n->run_attempt}};
	size_t before = to->len;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (strcmp(name, texts[i].name) == 0) {
			buf_str(to, texts[i].text);
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(name, numbers[i].name) == 0) {
			if (numbers[i].number >= 0)
				buf_int(to, numbers[i].number);
			return true;
		}
	}
	if (strcmp(name, "error_message") == 0)
		buf_str(to, n->shown_error);
	else if (strcmp(name, "remark") == 0)
		buf_str(to, n->shown_remark);
	else if (strcmp(name, "hint") == 0 && n->failed)
		notice_hint(n, to);
	else if (strcmp(name, "hint") != 0)
		return false;
	for (char *s = to->data + before; one_line && *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20)
			*s = ' ';
	}
	return true;
}

int mail_text_expand(const struct notice *n, const char *what,
    const char *template, struct buf *to, struct err *e)
{
	buf_str(to, "");
	for (const char *s = template; *s != '\0'; s++) {
		const char *close = *s == '{' ? strchr(s, '}') : NULL;
		char *name;
		bool known;

		if (close == NULL) {
			buf_char(to, *s);
			continue;
		}
		name = mem_strndup(s + 1, (size_t)(close - s - 1));
		known = add_value(n, name, strcmp(what, "subject") == 0, to);
		if (!known)
			err_set(e, ERR_PERMANENT,
			    "mailto: %s: unknown name \"{%s}\"; known are "
			    "{report_name}, {report_type}, {status}, "
			    "{run_id}, {config_id}, {attempt}, {rows}, "
			    "{bytes}, {output_url}, {sha256}, {scheduled_for}, "
			    "{time_zone}, {started_at}, {finished_at}, "
			    "{remark}, {error_stage}, {error_sqlstate}, "
			    "{error_message} and {hint}",
			    what, name);
		free(name);
		if (!known)
			return -1;
		s = close;
	}
	return 0;
}
