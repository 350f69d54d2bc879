/* SPDX-License-Identifier: MIT */
#include "protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "config.h"

static const char *const type_names[] = {
    [MSG_SETTINGS] = "settings",
    [MSG_HELLO] = "hello",
    [MSG_JOB] = "job",
    [MSG_STOP] = "stop",
    [MSG_PROGRESS] = "progress",
    [MSG_PUBLISH] = "publish",
    [MSG_RESULT] = "result",
    [MSG_NOTICE] = "notice",
    [MSG_NOTICE_DONE] = "notice_done",
    [MSG_SWEEP] = "sweep",
    [MSG_SWEPT] = "swept",
    [MSG_BEAT] = "beat",
    [MSG_LIST] = "list",
    [MSG_LISTED] = "listed",
    [MSG_MOVE] = "move",
    [MSG_MOVED] = "moved",
    [MSG_WATCH] = "watch",
    [MSG_ARRIVED] = "arrived",
    [MSG_HEAR] = "hear",
    [MSG_HEARD] = "heard",
    [MSG_INBOX] = "inbox",
    [MSG_INBOXED] = "inboxed",
};

int message_parse(
    const char *line, size_t len, struct message *m, struct err *e)
{
	const char *type;

	m->body = json_parse_object(line, len, e);
	if (m->body == NULL)
		return -1;
	type = json_str(m->body, "type", "");
	m->run_id = json_int(m->body, "run_id", 0);
	for (size_t i = 0; i < sizeof(type_names) / sizeof(*type_names); i++) {
		if (strcmp(type, type_names[i]) == 0 &&
		    (m->run_id > 0 || i == MSG_SETTINGS || i == MSG_HELLO ||
			i == MSG_BEAT)) {
			m->type = (enum message_type)i;
			return 0;
		}
	}
	err_set(e, ERR_PERMANENT, "unknown message of type \"%s\"", type);
	json_decref(m->body);
	m->body = NULL;
	return -1;
}

bool message_is_job(const char *line, int64_t *run_id, int64_t *config_id)
{
	int end = 0;

	return sscanf(line,
		   "{\"type\":\"job\",\"run_id\":%" SCNd64
		   ",\"config_id\":%" SCNd64 ",%n",
		   run_id, config_id, &end) == 2 &&
	       end > 0;
}

static void add_key(struct buf *b, const char *key)
{
	buf_str(b, ",\"");
	buf_str(b, key);
	buf_str(b, "\":");
}

static void add_int(struct buf *b, const char *key, int64_t n)
{
	add_key(b, key);
	buf_int(b, n);
}

/* Appends valid UTF-8 as the inside of a string. */
static void add_escaped(struct buf *b, const char *s)
{
	for (const char *plain = s;; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(b, plain, (size_t)(s - plain));
		plain = s + 1;
		if (c == '\0')
			return;
		buf_char(b, '\\');
		if (c < 0x20)
			buf_printf(b, "u%04x", c);
		else
			buf_char(b, *s);
	}
}

/* Appends a string member; NULL appends nothing. A text that came from a server
 * may be invalid UTF-8. */
static void add_str(struct buf *b, const char *key, const char *s)
{
	char *clean = NULL;

	if (s == NULL)
		return;
	if (!str_is_utf8(s, strlen(s))) {
		clean = mem_strdup(s);
		str_clean_utf8(clean);
	}
	add_key(b, key);
	buf_char(b, '"');
	add_escaped(b, clean ? clean : s);
	buf_char(b, '"');
	free(clean);
}

static void add_bool(struct buf *b, const char *key, bool v)
{
	add_key(b, key);
	buf_str(b, v ? "true" : "false");
}

/* Appends an array; an empty one appends nothing. */
static void add_json(struct buf *b, const char *key, const json_t *value)
{
	char *text;

	if (value == NULL)
		return;
	text = json_dumps(value, JSON_COMPACT);
	add_key(b, key);
	buf_str(b, text);
	free(text);
}

static void add_list(struct buf *b, const char *key, const json_t *list)
{
	if (json_array_size(list) > 0)
		add_json(b, key, list);
}

/* Appends an object of integers; NULL appends nothing. */
static void add_ints(struct buf *b, const char *key, json_t *ints)
{
	const char *name, *comma = "";
	json_t *n;

	if (ints == NULL)
		return;
	add_key(b, key);
	buf_char(b, '{');
	json_object_foreach(ints, name, n)
	{
		buf_str(b, comma);
		buf_char(b, '"');
		buf_str(b, name);
		buf_str(b, "\":");
		buf_int(b, json_integer_value(n));
		comma = ",";
	}
	buf_char(b, '}');
}

static void begin(struct buf *b, enum message_type type, int64_t run_id)
{
	buf_str(b, "{\"type\":\"");
	buf_str(b, type_names[type]);
	buf_char(b, '"');
	add_int(b, "run_id", run_id);
}

static void end(struct buf *b)
{
	buf_str(b, "}\n");
}

void message_settings(struct buf *b, const char *settings)
{
	begin(b, MSG_SETTINGS, 0);
	add_str(b, "version", PACKAGE_VERSION);
	buf_str(b, ",\"settings\":");
	buf_str(b, settings);
	end(b);
}

void message_beat(struct buf *b, int64_t until_ms, bool ready, int64_t restarts)
{
	begin(b, MSG_BEAT, 0);
	add_int(b, "until", until_ms);
	add_bool(b, "ready", ready);
	add_int(b, "restarts", restarts);
	end(b);
}

void message_hello(struct buf *b)
{
	begin(b, MSG_HELLO, 0);
	end(b);
}

void message_job(struct buf *b, const struct job_terms *t)
{
	begin(b, MSG_JOB, t->run_id);
	/* message_is_job() needs config_id directly after run_id. */
	add_int(b, "config_id", t->config_id);
	add_int(b, "timeout", t->timeout_ms);
	add_int(b, "statement_timeout", t->statement_timeout_ms);
	if (t->target_timeout_ms > 0)
		add_int(b, "target_timeout", t->target_timeout_ms);
	add_key(b, "row");
	buf_str(b, t->row);
	buf_str(b, "}\t");
	buf_str(b, t->common);
	buf_char(b, '\n');
}

void message_common(struct buf *b, const struct common_terms *t)
{
	buf_str(b, "{\"file_mode\":");
	buf_int(b, t->file_mode);
	add_bool(b, "no_sync", t->no_sync);
	add_str(b, "output_root", t->output_root);
	add_str(b, "output", t->output);
	/* As texts: a worker that knows these settings need not parse them. */
	add_str(b, "source", t->source);
	add_str(b, "target", t->target);
	buf_char(b, '}');
}

void message_stop(struct buf *b, int64_t run_id)
{
	begin(b, MSG_STOP, run_id);
	end(b);
}

void message_recall(struct buf *b, int64_t run_id)
{
	begin(b, MSG_STOP, run_id);
	add_bool(b, "recall", true);
	end(b);
}

void message_yield(struct buf *b, int64_t run_id)
{
	begin(b, MSG_STOP, run_id);
	add_bool(b, "yield", true);
	end(b);
}

void message_errand(
    struct buf *b, enum message_type type, int64_t number, json_t *body)
{
	char *text;

	json_object_set_new(body, "type", json_string(type_names[type]));
	json_object_set_new(body, "run_id", json_integer(number));
	text = json_dumps(body, JSON_COMPACT);
	buf_str(b, text ? text : "");
	buf_char(b, '\n');
	free(text);
	json_decref(body);
}

void message_progress(struct buf *b, int64_t run_id, const char *stage,
    int64_t rows, int64_t bytes, const json_t *leftovers)
{
	begin(b, MSG_PROGRESS, run_id);
	add_str(b, "stage", stage);
	add_int(b, "row_count", rows);
	add_int(b, "byte_count", bytes);
	add_list(b, "leftovers", leftovers);
	end(b);
}

void message_publish_ask(struct buf *b, int64_t run_id, const char *horizon)
{
	begin(b, MSG_PUBLISH, run_id);
	add_str(b, "horizon", horizon);
	end(b);
}

void message_publish_answer(
    struct buf *b, int64_t run_id, bool go, int64_t until_ms)
{
	begin(b, MSG_PUBLISH, run_id);
	add_bool(b, "go", go);
	add_int(b, "until", until_ms);
	end(b);
}

void message_result(struct buf *b, const struct run_result *r)
{
	begin(b, MSG_RESULT, r->run_id);
	add_int(b, "config_id", r->config_id);
	add_str(b, "status", r->status);
	if (r->permanent)
		add_bool(b, "permanent", true);
	add_str(b, "stage", r->stage);
	if (r->prep_ms >= 0)
		add_int(b, "prep_ms", r->prep_ms);
	add_ints(b, "stage_ms", r->stage_ms);
	if (r->rows >= 0)
		add_int(b, "row_count", r->rows);
	if (r->bytes >= 0)
		add_int(b, "byte_count", r->bytes);
	add_str(b, "output_url", r->output_url);
	add_str(b, "sha256", r->sha256);
	add_str(b, "error_stage", r->error_stage);
	add_str(b, "error_sqlstate", r->error_sqlstate);
	add_str(b, "error_message", r->error_message);
	if (r->outputs != NULL)
		buf_printf(b, ",\"outputs\":%s", r->outputs);
	add_str(b, "remark", r->remark);
	add_list(b, "leftovers", r->leftovers);
	add_list(b, "aside", r->aside);
	add_list(b, "checks", r->checks);
	if (r->checks != NULL && r->score >= 0)
		add_int(b, "score", r->score);
	if (r->waits)
		add_bool(b, "waits", true);
	add_json(b, "result", r->result);
	add_str(b, "horizon", r->horizon);
	if (r->holder_pid != 0) {
		add_int(b, "holder_pid", r->holder_pid);
		add_int(b, "holder_age_s", r->holder_age_s);
	}
	end(b);
}

void message_notice(struct buf *b, int64_t notification_id, int64_t timeout_ms,
    const char *notice)
{
	begin(b, MSG_NOTICE, notification_id);
	add_int(b, "timeout", timeout_ms);
	buf_str(b, ",\"notice\":");
	buf_str(b, notice);
	end(b);
}

void message_notice_done(struct buf *b, const struct notice_result *r)
{
	begin(b, MSG_NOTICE_DONE, r->notification_id);
	add_int(b, "notification_id", r->notification_id);
	add_int(b, "attempt", r->attempt);
	add_str(b, "state", r->state);
	add_str(b, "error", r->error);
	add_int(b, "retry_ms", r->retry_ms);
	add_str(b, "detail", r->detail);
	end(b);
}

static void make_plain(json_t *v)
{
	const char *key;
	json_t *member;
	char *text;
	size_t i;

	json_array_foreach(v, i, member)
	{
		make_plain(member);
	}
	json_object_foreach(v, key, member)
	{
		make_plain(member);
	}
	if (!json_is_string(v))
		return;
	text = mem_strdup(json_string_value(v));
	for (char *c = text; *c != '\0'; c++) {
		if (*c < 0x20 || *c > 0x7E)
			*c = '?';
	}
	json_string_set(v, text);
	free(text);
}

static void make_line_plain(struct buf *line)
{
	struct err unused;
	json_t *body = json_parse_object(line->data, line->len, &unused);
	char *text;

	if (body == NULL)
		return;
	make_plain(body);
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	buf_clear(line);
	buf_str(line, text);
	free(text);
}

/* SQLSTATE 22021: a character that does not exist in the encoding; 22P05: a
 * character that text cannot hold, such as \u0000. */
static bool is_unfit(const struct err *e)
{
	return strcmp(e->sqlstate, "22021") == 0 ||
	       strcmp(e->sqlstate, "22P05") == 0;
}

bool message_record_failed(
    struct buf *line, bool *plain, int count, const struct err *e)
{
	/* A broken connection is no result's fault. */
	if (e->kind == ERR_LOST || count > 1)
		return true;
	if (*plain || !is_unfit(e))
		return false;
	*plain = true;
	make_line_plain(line);
	return true;
}

void message_sweep(struct buf *b, int64_t number, int64_t timeout_ms,
    const char *runs, const json_t *sources)
{
	char *text = json_dumps(sources, JSON_COMPACT);

	begin(b, MSG_SWEEP, number);
	add_int(b, "timeout", timeout_ms);
	add_key(b, "runs");
	buf_str(b, runs);
	add_key(b, "sources");
	buf_str(b, text);
	end(b);
	mem_wipe(text);
}

void message_swept(struct buf *b, int64_t number, const json_t *runs,
    int64_t wait_ms, const char *error)
{
	char *text = json_dumps(runs, JSON_COMPACT);

	begin(b, MSG_SWEPT, number);
	add_key(b, "runs");
	buf_str(b, text);
	add_int(b, "wait", wait_ms);
	add_str(b, "error", error);
	end(b);
	free(text);
}

static void begin_question(struct buf *b)
{
	buf_str(b, "{\"version\":\"" PACKAGE_VERSION "\"");
}

static void end_question(struct buf *b, const char *conninfo)
{
	end(b);
	buf_str(b, conninfo);
}

void question_login(struct buf *b, const char *settings, const char *conninfo,
    const char *secret_arn, bool fresh)
{
	begin_question(b);
	add_str(b, "secret_arn", secret_arn);
	add_bool(b, "fresh", fresh);
	add_key(b, "settings");
	buf_str(b, settings);
	end_question(b, conninfo);
}

void question_process(struct buf *b, const char *conninfo)
{
	begin_question(b);
	end_question(b, conninfo);
}

int answer_write(char letter, const char *text)
{
	size_t len = strlen(text) + 1; /* with the mark of its end */

	return write(PROTOCOL_FD, &letter, 1) == 1 &&
		       write(PROTOCOL_FD, text, len) == (ssize_t)len
		   ? 0
		   : 1;
}
