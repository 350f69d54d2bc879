/* SPDX-License-Identifier: MIT */
#include "notice/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "notice/words.h"

static void read_run(struct notice *n, const json_t *run)
{
	n->run_attempt = json_int(run, "attempt", 1);
	n->started_at = json_str(run, "started_at", "");
	n->finished_at = json_str(run, "finished_at", "");
	n->rows = json_int(run, "row_count", -1);
	n->bytes = json_int(run, "byte_count", -1);
	n->output_url = json_str(run, "output_url", "");
	n->sha256 = json_str(run, "sha256", "");
	n->remark = json_str(run, "remark", "");
	n->error_stage = json_str(run, "error_stage", "");
	n->error_sqlstate = json_str(run, "error_sqlstate", "");
	n->error_message = json_str(run, "error_message", "");
	n->score = json_int(run, "score", -1);
	n->checks = json_object_get(run, "checks");
	if (!json_is_array(n->checks))
		n->checks = NULL;
	n->outputs = json_object_get(run, "outputs");
	if (!json_is_array(n->outputs))
		n->outputs = NULL;
	n->output_count = json_int(run, "output_count", 0);
	n->parameters = json_object_get(run, "parameters");
	if (!json_is_object(n->parameters))
		n->parameters = NULL;
}

char *notice_show(const char *name)
{
	struct buf b;
	size_t len;

	buf_init(&b, 16 << 20);
	buf_str(&b, "");
	for (; *name != '\0'; name += len) {
		uint32_t c = str_hidden(name, &len);

		if (c != 0 && !str_is_joiner(c))
			buf_printf(&b, "<U+%04X>", c);
		else
			buf_add(&b, name, len);
	}
	return b.data;
}

void notice_open(struct notice *n, json_t *body)
{
	*n = (struct notice){.body = json_incref(body),
	    .notification_id = json_int(body, "notification_id", 0),
	    .run_id = json_int(body, "run_id", 0),
	    .config_id = json_int(body, "config_id", 0),
	    .attempt = json_int(body, "attempt", 1),
	    .key = json_str(body, "key", ""),
	    .channel = json_str(body, "channel", ""),
	    .url = json_str(body, "url", ""),
	    .recipient = json_str(body, "recipient", ""),
	    .failed = strcmp(json_str(body, "event", ""), "FAILED") == 0,
	    .created = json_int(body, "created", 0),
	    .report_name = json_str(body, "report_name", ""),
	    .report_type = json_str(body, "report_type", ""),
	    .time_zone = json_str(body, "time_zone", "UTC"),
	    .output_format = json_str(body, "output_format", ""),
	    .scheduled_for = json_str(body, "scheduled_for", ""),
	    .scheduled_at = json_str(body, "scheduled_at", ""),
	    .next_run = json_str(body, "next_run", "")};
	n->shown_name = notice_show(n->report_name);
	n->shown_type = notice_show(n->report_type);
	read_run(n, json_object_get(body, "run"));
	n->shown_remark = notice_show(n->remark);
	n->shown_error = notice_show(n->error_message);
}

void notice_free(struct notice *n)
{
	json_decref(n->body);
	free(n->shown_name);
	free(n->shown_type);
	free(n->shown_remark);
	free(n->shown_error);
}

/* ---- JSON ---- */

static json_t *text(const char *s)
{
	return *s != '\0' ? json_string(s) : json_null();
}

static json_t *count(int64_t n)
{
	return n >= 0 ? json_integer(n) : json_null();
}

static json_t *outputs_json(const struct notice *n)
{
	json_t *list = json_array();

	if (n->outputs == NULL && *n->output_url != '\0')
		json_array_append_new(
		    list, json_pack("{so so so so}", "url", text(n->output_url),
			      "rows", count(n->rows), "bytes", count(n->bytes),
			      "sha256", text(n->sha256)));
	if (n->outputs != NULL)
		json_array_extend(
		    list, json_object_get(
			      json_object_get(n->body, "run"), "outputs"));
	return list;
}

static json_t *error_json(const struct notice *n)
{
	struct buf hint;
	json_t *v;

	if (!n->failed)
		return json_null();
	buf_init(&hint, 4096);
	notice_hint(n, &hint);
	v = json_pack("{so so so so}", "stage", text(n->error_stage),
	    "sqlstate", text(n->error_sqlstate), "message",
	    text(n->error_message), "hint", text(hint.data));
	buf_free(&hint);
	return v;
}

static json_t *run_json(const struct notice *n)
{
	return json_pack("{sI sI ss so so so so so so sI so? so so so?}",
	    "run_id", (json_int_t)n->run_id, "attempt",
	    (json_int_t)n->run_attempt, "status",
	    n->failed ? "FAILED" : "COMPLETED", "scheduled_for",
	    text(n->scheduled_at), "started_at", text(n->started_at),
	    "finished_at", text(n->finished_at), "rows", count(n->rows),
	    "bytes", count(n->bytes), "outputs", outputs_json(n),
	    "output_count", (json_int_t)n->output_count, "parameters",
	    json_deep_copy(n->parameters), "remark", text(n->remark), "score",
	    count(n->score), "checks", json_deep_copy(n->checks));
}

json_t *notice_json(const struct notice *n)
{
	return json_pack("{si ss ss sI s{sI ss so ss} so so}", "version", 1,
	    "event", n->failed ? "report.failed" : "report.completed", "key",
	    n->key, "notification_id", (json_int_t)n->notification_id, "report",
	    "config_id", (json_int_t)n->config_id, "report_name",
	    n->report_name, "report_type", text(n->report_type), "time_zone",
	    n->time_zone, "run", run_json(n), "error", error_json(n));
}

static void add_escape(struct buf *b, uint32_t c)
{
	if (c > 0xFFFF) {
		buf_printf(b, "\\u%04x", 0xD800 + ((c - 0x10000) >> 10));
		c = 0xDC00 + ((c - 0x10000) & 0x3FF);
	}
	buf_printf(b, "\\u%04x", c);
}

/* Invisible characters occur in strings only, so each can be an escape. */
char *notice_dump(const json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT);
	struct buf b;
	size_t len;

	if (text == NULL)
		return NULL;
	buf_init(&b, 7 * strlen(text) + 1);
	for (const char *s = text; *s != '\0'; s += len) {
		uint32_t c = str_hidden(s, &len);

		if (c != 0 && !str_is_joiner(c))
			add_escape(&b, c);
		else
			buf_add(&b, s, len);
	}
	free(text);
	return b.data;
}
