/* SPDX-License-Identifier: MIT */
#include "notice/slack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "notice/http.h"
#include "notice/words.h"
#include "place/scheme.h"

/* Slack's limits in characters, for a header, for the text of a section, and
 * for a notification. They are applied to bytes, which are never fewer. */
#define HEADER_MAX 150
#define SECTION_MAX 2800
#define SUMMARY_MAX 1900
#define LINES_MAX 20
#define OUTPUTS_MAX 5
#define BODY_MAX (64u << 10)

/* Escapes a text, and cuts it to `max` bytes of output. The cut is never inside
 * an entity. */
static void escape(struct buf *to, const char *text, size_t max)
{
	size_t start = to->len;

	for (; *text != '\0'; text++) {
		size_t left = max - (to->len - start);

		/* a cut only before the first byte of a character */
		if (left < 12 && ((unsigned char)*text & 0xc0) != 0x80) {
			buf_str(to, "…");
			return;
		}
		if (*text == '&')
			buf_str(to, "&amp;");
		else if (*text == '<')
			buf_str(to, "&lt;");
		else if (*text == '>')
			buf_str(to, "&gt;");
		else
			buf_char(to, *text == '`' ? '\'' : *text);
	}
}

static json_t *text_block(const char *type, struct buf *text)
{
	json_t *v = json_pack("{ss ss}", "type", type, "text", text->data);

	buf_free(text);
	return v;
}

static json_t *section(struct buf *text)
{
	return json_pack(
	    "{ss so}", "type", "section", "text", text_block("mrkdwn", text));
}

static json_t *header(const struct notice *n)
{
	struct buf title;

	buf_init(&title, BODY_MAX);
	notice_headline(n, &title);
	str_shorten_utf8(title.data, HEADER_MAX);
	return json_pack("{ss so}", "type", "header", "text",
	    text_block("plain_text", &title));
}

/* The facts are lines, not fields, because a phone shows fields in two narrow
 * columns. */
static json_t *facts(const struct notice *n)
{
	struct buf b, when;

	buf_init(&b, BODY_MAX);
	buf_init(&when, BODY_MAX);
	notice_when(n, n->scheduled_for, &when);
	if (when.len > 0) {
		buf_str(&b, "For ");
		escape(&b, when.data, SECTION_MAX / 2);
	}
	buf_clear(&when);
	notice_inputs(n, &when);
	if (when.len > 0) {
		buf_str(&b, b.len > 0 ? "\n" : "");
		escape(&b, when.data, SECTION_MAX / 2);
	}
	if (*n->remark != '\0' && !notice_empty(n)) {
		buf_str(&b, b.len > 0 ? "\n" : "");
		escape(&b, n->shown_remark, SECTION_MAX);
	}
	buf_free(&when);
	if (b.len > 0)
		return section(&b);
	buf_free(&b);
	return NULL;
}

/* Adds an output: an https URL as a link, any other place as text. */
static void add_output(struct buf *to, const char *url)
{
	bool web = strncmp(url, "https://", 8) == 0;
	char *told = web ? mem_strdup(url) : place_of_url(url);
	char *place = notice_show(told);

	buf_str(to, to->len > 0 ? "\n" : "Saved as ");
	buf_char(to, web ? '<' : '`');
	escape(to, place, 500);
	buf_char(to, web ? '>' : '`');
	free(told);
	free(place);
}

static json_t *outputs(const struct notice *n)
{
	int64_t more = n->output_count;
	struct buf b;
	size_t i;
	json_t *one;

	buf_init(&b, BODY_MAX);
	buf_str(&b, "");
	if (n->outputs == NULL)
		add_output(&b, n->output_url);
	json_array_foreach(n->outputs, i, one)
	{
		if (i == OUTPUTS_MAX)
			break;
		add_output(&b, json_str(one, "url", ""));
		more--;
	}
	if (n->outputs != NULL && more > 0)
		buf_printf(&b, "\nand %" PRId64 " more", more);
	return section(&b);
}

/* Quotes a text. Slack wraps the lines of a quotation, but not those of a block
 * of code. */
static void quote(struct buf *to, const char *text, size_t max)
{
	struct buf b;
	int lines = 1;

	buf_init(&b, BODY_MAX);
	escape(&b, text, max);
	buf_str(to, "> ");
	for (const char *s = b.data; *s != '\0'; s++) {
		if (*s != '\n')
			buf_char(to, *s);
		else
			buf_str(to, ++lines < LINES_MAX ? "\n> " : " ");
	}
	buf_char(to, '\n');
	buf_free(&b);
}

static json_t *failure(const struct notice *n)
{
	struct buf b, more;

	buf_init(&b, BODY_MAX);
	buf_printf(&b, "%s:\n", notice_trouble(n));
	quote(&b, notice_error(n), SECTION_MAX / 2);
	buf_init(&more, 4096);
	notice_next(n, &more);
	buf_char(&more, '\n');
	notice_hint(n, &more);
	buf_add(&b, more.data, more.len);
	buf_free(&more);
	return section(&b);
}

static json_t *traces(const struct notice *n)
{
	struct buf b;

	buf_init(&b, 4096);
	notice_traces(n, &b);
	return json_pack("{ss s[o]}", "type", "context", "elements",
	    text_block("mrkdwn", &b));
}

/* The text that notifications show. */
static json_t *summary(const struct notice *n)
{
	struct buf title, text;
	json_t *v;

	buf_init(&title, BODY_MAX);
	buf_init(&text, BODY_MAX);
	notice_headline(n, &title);
	escape(&text, title.data, SUMMARY_MAX);
	v = json_string(text.data);
	buf_free(&title);
	buf_free(&text);
	return v;
}

json_t *slack_message(const struct notice *n)
{
	json_t *blocks = json_array(), *about = facts(n);

	json_array_append_new(blocks, header(n));
	if (about != NULL)
		json_array_append_new(blocks, about);
	if (n->failed)
		json_array_append_new(blocks, failure(n));
	else if (*n->output_url != '\0' || n->outputs != NULL)
		json_array_append_new(blocks, outputs(n));
	json_array_append_new(blocks, traces(n));
	return json_pack("{so so}", "text", summary(n), "blocks", blocks);
}

int notice_slack(struct services *s, const struct notice *n,
    struct notice_answer *answer, struct err *e)
{
	static const char *const headers[] = {
	    "Content-Type: application/json; charset=utf-8",
	    "User-Agent: reportd", NULL};
	struct notice_post post = {.url = n->url + strlen("slack:"),
	    .shown = n->recipient,
	    .hosts = services_settings(s)->slack_hosts,
	    .hosts_key = "[slack] hosts",
	    .headers = headers,
	    /* Slack knows no idempotency key, so a repeat by the HTTP client
	     * could post twice. */
	    .fresh = true};

	if (notice_post_json(&post, slack_message(n), BODY_MAX, e) != 0)
		return -1;
	return notice_post(s, &post, answer, e);
}
