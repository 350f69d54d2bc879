/* SPDX-License-Identifier: MIT */
#include "worker/notice_slack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "worker/notice_http.h"

/* Slack's limits, in characters: of a header, of a section's text and of one of
 * its fields. Bytes are no fewer. */
#define HEADER_MAX 150
#define SECTION_MAX 2800
#define FIELD_MAX 1900
#define OUTPUTS_MAX 5
#define BODY_MAX (64u << 10)

/* Cut before it is escaped, so that no entity is. */
static void escape(struct buf *to, const char *text, size_t max)
{
	size_t start = to->len;

	for (; *text != '\0'; text++) {
		size_t left = max - (to->len - start);

		/* At a character's first byte. */
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

static json_t *header(const struct notice *n)
{
	struct buf title;

	buf_init(&title, BODY_MAX);
	notice_title(n, &title);
	str_cut_utf8(title.data, HEADER_MAX);
	return json_pack("{ss so}", "type", "header", "text",
	    text_block("plain_text", &title));
}

static void add_field(json_t *fields, const char *label, const char *value)
{
	struct buf b;

	if (*value == '\0')
		return;
	buf_init(&b, BODY_MAX);
	buf_printf(&b, "*%s*\n", label);
	escape(&b, value, FIELD_MAX);
	json_array_append_new(fields, text_block("mrkdwn", &b));
}

static json_t *facts(const struct notice *n)
{
	json_t *fields = json_array();
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b, "%s %s", n->scheduled_for, n->time_zone);
	add_field(fields, "For", *n->scheduled_for ? b.data : "");
	buf_clear(&b);
	buf_printf(
	    &b, "%" PRId64 ", attempt %" PRId64, n->run_id, n->run_attempt);
	add_field(fields, "Run", b.data);
	add_field(fields, "Stage", n->error_stage);
	add_field(fields, "Note", n->remark);
	buf_free(&b);
	return json_pack("{ss so}", "type", "section", "fields", fields);
}

/* Web addresses become links, others are shown as they are. */
static void add_output(struct buf *to, const char *url)
{
	bool web = strncmp(url, "https://", 8) == 0;

	buf_str(to, to->len > 0 ? "\n" : "");
	buf_char(to, web ? '<' : '`');
	escape(to, url, 500);
	buf_char(to, web ? '>' : '`');
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
	return json_pack(
	    "{ss so}", "type", "section", "text", text_block("mrkdwn", &b));
}

static json_t *failure(const struct notice *n)
{
	struct buf b, hint;

	buf_init(&b, BODY_MAX);
	buf_init(&hint, 4096);
	buf_str(&b, "```");
	escape(&b, n->error_message, SECTION_MAX - 500);
	buf_str(&b, "```\n");
	notice_hint(n, &hint);
	buf_str(&b, hint.data);
	buf_free(&hint);
	return json_pack(
	    "{ss so}", "type", "section", "text", text_block("mrkdwn", &b));
}

/* What notifications show. */
static json_t *summary(const struct notice *n)
{
	struct buf title, text;
	json_t *v;

	buf_init(&title, BODY_MAX);
	buf_init(&text, BODY_MAX);
	notice_title(n, &title);
	escape(&text, title.data, FIELD_MAX);
	v = json_string(text.data);
	buf_free(&title);
	buf_free(&text);
	return v;
}

json_t *slack_message(const struct notice *n)
{
	json_t *blocks = json_array();

	json_array_append_new(blocks, header(n));
	json_array_append_new(blocks, facts(n));
	if (n->failed)
		json_array_append_new(blocks, failure(n));
	else if (*n->output_url != '\0' || n->outputs != NULL)
		json_array_append_new(blocks, outputs(n));
	return json_pack("{so so}", "text", summary(n), "blocks", blocks);
}

int notice_slack(struct services *s, const struct notice *n, int64_t *retry_ms,
    struct err *e)
{
	static const char *const headers[] = {
	    "Content-Type: application/json; charset=utf-8",
	    "User-Agent: reportd", NULL};
	struct notice_post post = {.url = n->url + strlen("slack:"),
	    .shown = n->recipient,
	    .hosts = services_settings(s)->slack_hosts,
	    .hosts_key = "[slack] hosts",
	    .headers = headers,
	    /* It knows no idempotency key. */
	    .fresh = true};
	json_t *v = slack_message(n);
	char *body = json_dumps(v, JSON_COMPACT);

	json_decref(v);
	if (body == NULL)
		return err_set(e, ERR_PERMANENT, "the notice is no JSON");
	buf_init(&post.body, BODY_MAX);
	buf_str(&post.body, body);
	free(body);
	return notice_post(s, &post, retry_ms, e);
}
