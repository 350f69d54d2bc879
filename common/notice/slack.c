/* SPDX-License-Identifier: MIT */
#include "notice/slack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "notice/http.h"
#include "notice/words.h"
#include "place/scheme.h"

/* Slack's limit in characters for a header, and limits of our own for texts that
 * come from elsewhere, which keep a message short. They are applied to bytes,
 * which are never fewer. */
#define HEADER_MAX 150
#define TEXT_MAX 1400
#define PLACE_MAX 500
#define SUMMARY_MAX 1900
#define LINES_MAX 20
#define OUTPUTS_MAX 5
#define BODY_MAX (64u << 10)

/*
 * Texts stand in blocks of rich text, where no character has a meaning of its
 * own. In the older markup, mrkdwn, a text can be escaped but for *, _ and ~,
 * which would vanish from names such as _new_, and URLs in it become links.
 */

/* Appends an element with this text, cut to `max` bytes. Slack refuses an empty
 * one. */
static void add_styled(
    json_t *elements, const char *text, size_t max, bool is_code)
{
	char *cut = mem_strdup(text);

	str_shorten_utf8(cut, max);
	if (*cut != '\0')
		json_array_append_new(elements,
		    is_code
			? json_pack("{ss ss s{sb}}", "type", "text", "text",
			      cut, "style", "code", 1)
			: json_pack("{ss ss}", "type", "text", "text", cut));
	free(cut);
}

static void add_text(json_t *elements, const char *text)
{
	add_styled(elements, text, TEXT_MAX, false);
}

/* Appends sentences of our own, in which commands stand between `. */
static void add_words(json_t *elements, const char *text)
{
	char *copy = mem_strdup(text), *rest = copy, *part;

	for (bool is_code = false; (part = strsep(&rest, "`")) != NULL;
	     is_code = !is_code)
		add_styled(elements, part, TEXT_MAX, is_code);
	free(copy);
}

/* Appends a part of a block of rich text, and takes the elements. A part without
 * elements is left out. */
static void add_part(json_t *parts, const char *type, json_t *elements)
{
	if (json_array_size(elements) > 0)
		json_array_append_new(parts,
		    json_pack("{ss so}", "type", type, "elements", elements));
	else
		json_decref(elements);
}

/* Appends a block of these parts, if there are any. */
static void add_block(json_t *blocks, json_t *parts)
{
	if (json_array_size(parts) > 0)
		json_array_append_new(
		    blocks, json_pack("{ss so}", "type", "rich_text",
				"elements", parts));
	else
		json_decref(parts);
}

static json_t *plain(struct buf *text)
{
	json_t *v =
	    json_pack("{ss ss}", "type", "plain_text", "text", text->data);

	buf_free(text);
	return v;
}

static json_t *header(const struct notice *n)
{
	struct buf title;

	buf_init(&title, BODY_MAX);
	notice_headline(n, &title);
	str_shorten_utf8(title.data, HEADER_MAX);
	return json_pack("{ss so}", "type", "header", "text", plain(&title));
}

static void add_line(json_t *elements, const char *before, const char *text)
{
	if (*text == '\0')
		return;
	if (json_array_size(elements) > 0)
		add_text(elements, "\n");
	add_text(elements, before);
	add_text(elements, text);
}

/* The facts are lines, not fields, because a phone shows fields in two narrow
 * columns. */
static void add_facts(json_t *blocks, const struct notice *n)
{
	json_t *parts = json_array(), *elements = json_array();
	struct buf b;

	buf_init(&b, BODY_MAX);
	buf_str(&b, "");
	notice_when(n, n->scheduled_for, &b);
	add_line(elements, "For ", b.data);
	buf_clear(&b);
	buf_str(&b, "");
	notice_inputs(n, &b);
	add_line(elements, "", b.data);
	if (!notice_empty(n))
		add_line(elements, "", n->shown_remark);
	buf_free(&b);
	add_part(parts, "rich_text_section", elements);
	add_block(blocks, parts);
}

/* Adds an output: an https URL as a link, any other place as text. */
static void add_output(json_t *elements, const char *url)
{
	add_text(elements, json_array_size(elements) > 0 ? "\n" : "Saved as ");
	if (strncmp(url, "https://", 8) == 0) {
		json_array_append_new(
		    elements, json_pack("{ss ss}", "type", "link", "url", url));
	} else {
		char *told = place_of_url(url);
		char *place = notice_show(told);

		add_styled(elements, place, PLACE_MAX, true);
		free(told);
		free(place);
	}
}

static void add_outputs(json_t *blocks, const struct notice *n)
{
	json_t *parts = json_array(), *elements = json_array();
	int64_t more = n->output_count;
	char rest[48];
	size_t i;
	json_t *one;

	if (n->outputs == NULL)
		add_output(elements, n->output_url);
	json_array_foreach(n->outputs, i, one)
	{
		if (i == OUTPUTS_MAX)
			break;
		add_output(elements, json_str(one, "url", ""));
		more--;
	}
	snprintf(rest, sizeof(rest), "\nand %" PRId64 " more", more);
	if (n->outputs != NULL && more > 0)
		add_text(elements, rest);
	add_part(parts, "rich_text_section", elements);
	add_block(blocks, parts);
}

/* Adds a text as a quotation. Slack wraps its lines, but not those of a block of
 * code. */
static void add_quote(json_t *parts, const char *text)
{
	json_t *elements = json_array();
	char *copy = mem_strdup(text);
	int lines = 1;

	for (char *s = copy; *s != '\0'; s++) {
		if (*s == '\n' && ++lines > LINES_MAX)
			*s = ' ';
	}
	add_text(elements, copy);
	free(copy);
	add_part(parts, "rich_text_quote", elements);
}

static void add_failure(json_t *blocks, const struct notice *n)
{
	json_t *parts = json_array(), *before = json_array();
	json_t *after = json_array();
	struct buf b;

	add_text(before, notice_trouble(n));
	add_text(before, ":");
	add_part(parts, "rich_text_section", before);
	add_quote(parts, notice_error(n));
	buf_init(&b, 4096);
	notice_next(n, &b);
	buf_char(&b, '\n');
	notice_hint(n, &b);
	add_words(after, b.data);
	buf_free(&b);
	add_part(parts, "rich_text_section", after);
	add_block(blocks, parts);
}

static json_t *traces(const struct notice *n)
{
	struct buf b;

	buf_init(&b, 4096);
	notice_traces(n, &b);
	return json_pack("{ss s[o]}", "type", "context", "elements", plain(&b));
}

/* Escapes a text, and cuts it to `max` bytes of output. The cut is never inside
 * an entity. Servers other than Slack show this text alone and read it as
 * Markdown: an invisible space after @ and ] keeps it from telling everybody
 * (@all) and from posing as a link ([text](url)). */
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
		if (*text == '@' || *text == ']')
			buf_str(to, "\u200B");
	}
}

/* Returns the text that notifications show. */
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
	json_t *blocks = json_array();

	json_array_append_new(blocks, header(n));
	add_facts(blocks, n);
	if (n->failed)
		add_failure(blocks, n);
	else if (*n->output_url != '\0' || n->outputs != NULL)
		add_outputs(blocks, n);
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
