/* SPDX-License-Identifier: MIT */
#include "supervisor/moves.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "sql/queue.h"

#define MOVE_MS 300000
#define NUMBER ERRANDS_OWN_NUMBER(ERRANDS_MOVE)

static const struct statement take = {"moves", sql_moves, 1};
static const struct statement moved = {"moved", sql_moved, 1};

struct moves {
	struct moves_options o;
	struct errand errand;
	json_t *files; /* of the errand */
	bool in_hand;  /* asked for, on their way, or being recorded */
	bool sent;     /* the errands have it */
};

static void end(struct moves *m)
{
	m->in_hand = m->sent = false;
	buf_free(&m->errand.message);
	json_decref(m->files);
	m->files = NULL;
}

static void on_recorded(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct moves *m = arg;

	if (reply == NULL && e->kind != ERR_LOST)
		LOG(m->o.log, LVL_ERROR, L_MSG("recording moved files failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	end(m);
	if (reply != NULL)
		m->o.moved(m->o.arg);
}

static void complain(const struct moves *m, const json_t *results)
{
	const json_t *one;
	size_t i;

	json_array_foreach(results, i, one)
	{
		if (!json_bool(one, "over", true))
			LOG(m->o.log, LVL_WARN, L_MSG("a file cannot be moved"),
			    L_INT("file_id", json_int(one, "file_id", 0)),
			    L_STR("error", json_str(one, "error", "")));
	}
}

static void record(struct moves *m, const json_t *results)
{
	char *text = json_dumps(results, JSON_COMPACT);

	m->sent = false;
	if (text != NULL && queue_is_up(m->o.queue))
		queue_send(m->o.queue, NULL, &moved,
		    (const char *const[]){text}, on_recorded, m);
	else
		end(m);
	free(text);
}

static enum errand_outcome on_answered(
    struct errand *e, const json_t *body, const char *line, size_t len)
{
	struct moves *m = e->arg;
	const json_t *results = json_object_get(body, "results");

	(void)line;
	(void)len;
	complain(m, results);
	record(m, results);
	return ERRAND_DONE;
}

/* Gives all files back, to be moved again after a while: what became of each is
 * not known, and a repeat of a move is harmless. */
static void give_back(struct moves *m, const char *why)
{
	json_t *results = json_array(), *one;
	size_t i;

	json_array_foreach(m->files, i, one)
	{
		json_array_append_new(
		    results, json_pack("{sI sb ss}", "file_id",
				 (json_int_t)json_int(one, "file_id", 0),
				 "over", 0, "error", why));
	}
	record(m, results);
	json_decref(results);
}

static void on_failed(struct errand *e, const char *how)
{
	struct moves *m = e->arg;

	LOG(m->o.log, LVL_WARN, L_MSG("moving files did not end"),
	    L_STR("error", how));
	give_back(m, how);
}

static void on_put_off(struct errand *e, int64_t ms)
{
	(void)ms;
	give_back(e->arg, "its server does not answer at the moment");
}

static const struct errand_ops errand_ops = {
    .stuck = "moving files does not end, killing its worker",
    .answered = on_answered,
    .failed = on_failed,
    .put_off = on_put_off};

static void send_files(struct moves *m, json_t *files)
{
	m->sent = true;
	m->files = files;
	m->errand = (struct errand){.ops = &errand_ops,
	    .arg = m,
	    .number = NUMBER,
	    .lane = ERRANDS_OWN_LANE(ERRANDS_MOVE),
	    .timeout_ms = MOVE_MS,
	    .end = MSG_MOVED};
	buf_init(&m->errand.message, PROTOCOL_LINE_MAX);
	message_errand(&m->errand.message, MSG_MOVE, NUMBER,
	    json_pack(
		"{sI sO}", "timeout", (json_int_t)MOVE_MS, "files", files));
	errands_add(m->o.errands, &m->errand);
	errands_go(m->o.errands);
}

static void on_taken(void *arg, const struct reply *reply, const struct err *e)
{
	struct moves *m = arg;
	const char *text = reply ? reply_text(reply, 0, 0) : NULL;
	json_t *files = text ? json_loads(text, 0, NULL) : NULL;

	if (reply == NULL && e->kind != ERR_LOST)
		LOG(m->o.log, LVL_ERROR,
		    L_MSG("looking for files to move failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	if (files != NULL)
		send_files(m, files);
	else
		end(m);
}

void moves_look(struct moves *m)
{
	const char *id = m->o.worker_id(m->o.arg);

	if (m->in_hand || id == NULL || !queue_is_up(m->o.queue))
		return;
	m->in_hand = true;
	queue_send(
	    m->o.queue, NULL, &take, (const char *const[]){id}, on_taken, m);
}

void moves_down(struct moves *m)
{
	if (!m->sent)
		m->in_hand = false;
}

struct moves *moves_open(const struct moves_options *options)
{
	struct moves *m = mem_zalloc(sizeof(*m));

	m->o = *options;
	return m;
}

void moves_free(struct moves *m)
{
	if (m == NULL)
		return;
	end(m);
	free(m);
}
