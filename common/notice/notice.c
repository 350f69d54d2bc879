/* SPDX-License-Identifier: MIT */
#include "notice/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

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
	n->inputs = json_object_get(run, "inputs");
	if (!json_is_array(n->inputs))
		n->inputs = NULL;
	n->input_count = json_int(run, "input_count", 0);
	n->parameters = json_object_get(run, "parameters");
	if (!json_is_object(n->parameters))
		n->parameters = NULL;
}

/* Returns the character that begins at `s` when nobody would see it as such: one
 * that changes the direction of text or splits it, or a control character, which a
 * terminal obeys. A line break and a tab are seen. 0: it is another one. */
static uint32_t unseen(const char *s, size_t *len)
{
	uint32_t c = str_hidden(s, len);

	if (c != 0)
		return str_is_joiner(c) ? 0 : c;
	if (*s == '\n' || *s == '\t')
		return 0;
	return (unsigned char)*s < ' ' || *s == 0x7F ? (uint32_t)*s : 0;
}

char *notice_show(const char *name)
{
	struct buf b;
	size_t len;

	buf_init(&b, 16 << 20);
	buf_str(&b, "");
	for (; *name != '\0'; name += len) {
		uint32_t c = unseen(name, &len);

		if (*name == '\r' && name[1] == '\n')
			continue;
		if (c != 0)
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
