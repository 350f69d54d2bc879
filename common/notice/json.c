/* SPDX-License-Identifier: MIT */
#include "notice/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "notice/words.h"

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
	json_t *inputs = n->inputs ? json_deep_copy(n->inputs) : json_array();

	return json_pack("{sI sI ss so so so so so so sI so sI so? so so so?}",
	    "run_id", (json_int_t)n->run_id, "attempt",
	    (json_int_t)n->run_attempt, "status",
	    n->failed ? "FAILED" : "COMPLETED", "scheduled_for",
	    text(n->scheduled_at), "started_at", text(n->started_at),
	    "finished_at", text(n->finished_at), "rows", count(n->rows),
	    "bytes", count(n->bytes), "outputs", outputs_json(n),
	    "output_count", (json_int_t)n->output_count, "inputs", inputs,
	    "input_count", (json_int_t)n->input_count, "parameters",
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
