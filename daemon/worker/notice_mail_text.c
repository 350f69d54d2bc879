/* SPDX-License-Identifier: MIT */
#include "worker/notice_mail_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TEXT_MAX ((size_t)1 << 20)
#define NAME_WIDTH 15

/* In every element, because programs for mail drop style sheets. */
#define FONT "font-family:Arial,Helvetica,sans-serif;font-size:14px"
#define CELL "padding:3px 16px 3px 0;vertical-align:top;text-align:left"

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

static void close_table(struct mail_text *t)
{
	if (!t->in_table)
		return;
	buf_str(&t->html, "</table>\n");
	t->in_table = false;
}

void mail_text_heading(struct mail_text *t, const char *text)
{
	close_table(t);
	buf_printf(&t->plain, "%s\n\n", text);
	buf_str(&t->html, "<p style=\"font-size:17px\"><b>");
	escape(&t->html, text);
	buf_str(&t->html, "</b></p>\n");
}

/* Lines after the first stand under it. */
static void add_indented(struct buf *b, const char *value)
{
	for (; *value != '\0'; value++) {
		buf_char(b, *value);
		if (*value == '\n')
			buf_printf(b, "%*s", NAME_WIDTH, "");
	}
	buf_char(b, '\n');
}

void mail_text_row(struct mail_text *t, const char *name, const char *value)
{
	if (*value == '\0')
		return;
	buf_printf(&t->plain, "%-*s", NAME_WIDTH, name);
	add_indented(&t->plain, value);
	if (!t->in_table)
		buf_str(&t->html, "<table style=\"" FONT "\">\n");
	t->in_table = true;
	buf_printf(&t->html,
	    "<tr><th style=\"" CELL "\">%s</th><td style=\"" CELL "\">", name);
	escape(&t->html, value);
	buf_str(&t->html, "</td></tr>\n");
}

static void begin_paragraph(struct mail_text *t)
{
	close_table(t);
	if (t->plain.len > 1 && t->plain.data[t->plain.len - 2] != '\n')
		buf_char(&t->plain, '\n');
	buf_str(&t->html, "<p>");
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
		begin_paragraph(t);
		buf_printf(&t->plain, "%s\n", text.data);
		escape(&t->html, text.data);
		buf_str(&t->html, "</p>\n");
	}
	buf_free(&text);
}

void mail_text_link(struct mail_text *t, const char *text, const char *url)
{
	begin_paragraph(t);
	buf_printf(&t->plain, "%s\n%s\n", text, url);
	escape(&t->html, text);
	buf_str(&t->html, "<br>\n<a href=\"");
	escape(&t->html, url);
	buf_str(&t->html, "\">");
	/* A signed URL is long and says nothing to people. */
	buf_str(&t->html, "Download</a></p>\n");
}

/* ---- documents ---- */

/* Behind the <body> of the document that is shown; 0: it has none. */
static size_t inside_body(const char *document)
{
	const char *body = strcasestr(document, "<body");
	const char *end = body ? strchr(body, '>') : NULL;

	return end ? (size_t)(end + 1 - document) : 0;
}

char *mail_text_document(const struct mail_text *t, const char *shown)
{
	const char *open = t->in_table ? "</table>\n</div>\n" : "</div>\n";
	size_t n = shown ? inside_body(shown) : 0;

	if (n > 0)
		return mem_printf("%.*s\n%s%s<hr>\n%s", (int)n, shown,
		    t->html.data, open, shown + n);
	return mem_printf(
	    "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"></head>\n"
	    "<body>\n%s%s%s</body>\n</html>\n",
	    t->html.data, open, shown ? shown : "");
}

/* ---- values ---- */

void mail_text_count(char to[static 32], int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRId64, n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
}

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

static char *scheduled(const struct notice *n)
{
	char *text = mem_printf("%s (%s)", n->scheduled_for, n->time_zone);
	char *t = strchr(text, 'T');

	if (*n->scheduled_for == '\0')
		*text = '\0';
	else if (t != NULL)
		*t = ' ';
	return text;
}

static void add_number(
    struct mail_text *t, const char *name, int64_t n, bool bytes)
{
	char text[32];

	if (n < 0)
		return;
	if (bytes)
		mail_text_bytes(text, n);
	else
		mail_text_count(text, n);
	mail_text_row(t, name, text);
}

static void add_failure(struct mail_text *t, const struct notice *n)
{
	struct buf hint;

	mail_text_row(t, "Stage", n->error_stage);
	mail_text_row(t, "Error", n->error_message);
	mail_text_row(t, "SQLSTATE", n->error_sqlstate);
	buf_init(&hint, 4096);
	notice_hint(n, &hint);
	if (hint.len > 0)
		mail_text_row(t, "What to do", hint.data);
	buf_free(&hint);
}

void mail_text_facts(struct mail_text *t, const struct notice *n)
{
	char *when = scheduled(n), *run;

	mail_text_row(t, "Report", n->report_name);
	mail_text_row(t, "Scheduled for", when);
	if (n->failed) {
		add_failure(t, n);
	} else {
		add_number(t, "Rows", n->rows, false);
		add_number(t, "Size", n->bytes, true);
		mail_text_row(t, "Where", n->output_url);
	}
	mail_text_row(t, "Note", n->remark);
	run = mem_printf("%" PRId64 ", attempt %" PRId64 ", of report %" PRId64,
	    n->run_id, n->run_attempt, n->config_id);
	mail_text_row(t, "Run", run);
	free(run);
	free(when);
}

/* ---- templates ---- */

/* Whether there is a value of this name. In a subject, what may have several
 * lines becomes one. */
static bool add_value(
    const struct notice *n, const char *name, bool one_line, struct buf *to)
{
	const struct {
		const char *name, *text;
	} texts[] = {{"report_name", n->report_name},
	    {"report_type", n->report_type},
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
		buf_str(to, n->error_message);
	else if (strcmp(name, "remark") == 0)
		buf_str(to, n->remark);
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
