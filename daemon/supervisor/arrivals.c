/* SPDX-License-Identifier: MIT */
#include "supervisor/arrivals.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "sql/queue.h"

#define WAIT_MS 60000
#define ERRAND_MS 90000
/* ms until listening begins anew, when it could not. */
#define AGAIN_MS 60000

static const struct statement watched = {"watched", sql_watched, 1};
static const struct statement arrived = {"arrived", sql_arrived, 1};
static const struct statement created = {"created", sql_created, 1};

/* A way to hear of files. */
struct ear;
struct ear_kind {
	bool local; /* of the paths that it hears of */
	enum message_type ask, answer;
	enum errands_own own;
	const struct statement *told; /* takes what was heard */
	const char *trouble;          /* log message of an answer's error */
	/* Members of the answer; `kept` goes into the next errand, when the
	 * queue has heard. */
	const char *heard, *go_on, *kept;
	/* Begins to listen when there is something to listen to; otherwise the
	 * ear stays idle. */
	void (*begin)(struct ear *e);
};

struct ear {
	struct arrivals *all;
	const struct ear_kind *kind;
	struct errand errand;
	uv_timer_t timer;
	/* Receipts of messages, or marks of folders, that were recorded in the
	 * queue. */
	json_t *kept;
	char *said; /* the error that was logged last; NULL: there is none */
	bool busy;  /* asking, listening, or told to wait */
	bool sent;  /* the errands have it */
	bool recording; /* it goes on when the queue has recorded the news */
};

enum { LOCAL, OBJECTS, EARS };

struct arrivals {
	struct arrivals_options o;
	struct ear ears[EARS];
	int open; /* timers */
	bool retired;
};

static void need(struct ear *e)
{
	const struct arrivals *a = e->all;

	if (e->busy || a->retired || a->o.worker_id(a->o.arg) == NULL ||
	    !queue_is_up(a->o.queue))
		return;
	e->busy = true;
	e->kind->begin(e);
}

static void on_timer(uv_timer_t *timer)
{
	struct ear *e = timer->data;

	e->busy = false;
	need(e);
}

static void end(struct ear *e)
{
	e->sent = e->recording = false;
	buf_free(&e->errand.message);
}

static void later(struct ear *e)
{
	end(e);
	if (!e->all->retired)
		uv_timer_start(&e->timer, on_timer, AGAIN_MS, 0);
}

static void again(struct ear *e)
{
	end(e);
	e->busy = false;
	need(e);
}

/* ---- what was heard ---- */

static void forget_kept(struct ear *e)
{
	json_decref(e->kept);
	e->kept = NULL;
}

static void on_recorded(
    void *arg, const struct reply *reply, const struct err *err)
{
	struct ear *e = arg;
	struct arrivals *a = e->all;

	int64_t held = reply != NULL ? reply_int(reply, 0, 0, 0) : 0;

	/* Without receipts the messages stay in SQS, which sends them again;
	 * without marks all folders count as changed. */
	if (reply == NULL || held > 0)
		forget_kept(e);
	if (held > 0)
		LOG(a->o.log, LVL_DEBUG,
		    L_MSG("places with new files are locked, their turn comes "
			  "again"),
		    L_INT("places", held));
	if (reply == NULL && err->kind != ERR_LOST)
		LOG(a->o.log, LVL_ERROR, L_MSG("telling of files failed"),
		    L_STR("error", err->text),
		    L_STR("sqlstate", err->sqlstate));
	if (reply != NULL)
		a->o.arrived(a->o.arg);
	if (e->recording)
		again(e);
}

/* Records the news in the queue. `kept` may be used only after that, so the ear
 * waits for it. */
static void tell(struct ear *e, const json_t *heard, const json_t *kept)
{
	const struct arrivals *a = e->all;
	char *text = json_dumps(heard, JSON_COMPACT);

	e->kept = json_deep_copy(kept);
	e->recording = kept != NULL;
	queue_send(a->o.queue, NULL, e->kind->told, (const char *const[]){text},
	    on_recorded, e);
	free(text);
}

/* An error that lasts is logged once. */
static void complain(struct ear *e, const json_t *body)
{
	const json_t *one, *refused = json_object_get(body, "refused");
	const char *error = json_str(body, "error", NULL);
	size_t i;

	if (error != NULL && (e->said == NULL || strcmp(error, e->said) != 0))
		LOG(e->all->o.log, LVL_WARN, L_MSG(e->kind->trouble),
		    L_STR("error", error));
	free(e->said);
	e->said = mem_strdup(error);
	json_array_foreach(refused, i, one)
	{
		LOG(e->all->o.log, LVL_WARN,
		    L_MSG(
			"a message tells of no object, it stays in its queue"),
		    L_STR("message_id", json_str(one, "message_id", "")),
		    L_STR("error", json_str(one, "error", "")));
	}
}

static enum errand_outcome on_answered(
    struct errand *errand, const json_t *body, const char *line, size_t len)
{
	struct ear *e = errand->arg;
	const json_t *heard = json_object_get(body, e->kind->heard);
	const json_t *kept = json_object_get(body, e->kind->kept);
	const struct arrivals *a = e->all;

	(void)line;
	(void)len;
	complain(e, body);
	forget_kept(e);
	end(e);
	if (json_array_size(heard) > 0 && queue_is_up(a->o.queue))
		tell(e, heard, kept);
	else if (json_array_size(heard) == 0)
		e->kept = json_deep_copy(kept);
	if (!json_bool(body, e->kind->go_on, false))
		later(e);
	else if (!e->recording)
		again(e);
	return ERRAND_DONE;
}

static void on_failed(struct errand *errand, const char *how)
{
	struct ear *e = errand->arg;

	LOG(e->all->o.log, LVL_WARN, L_MSG("listening for files did not end"),
	    L_STR("error", how));
	later(e);
}

static void on_put_off(struct errand *errand, int64_t ms)
{
	(void)ms;
	later(errand->arg);
}

static const struct errand_ops errand_ops = {
    .stuck = "listening for files does not end, killing its worker",
    .answered = on_answered,
    .failed = on_failed,
    .put_off = on_put_off};

/* ---- the errands ---- */

static void listen_for(struct ear *e, json_t *body)
{
	int64_t number = ERRANDS_OWN_NUMBER(e->kind->own);

	e->sent = true;
	e->errand = (struct errand){.ops = &errand_ops,
	    .arg = e,
	    .number = number,
	    .lane = ERRANDS_OWN_LANE(e->kind->own),
	    .timeout_ms = ERRAND_MS,
	    .end = e->kind->answer};
	json_object_set_new(body, "timeout", json_integer(ERRAND_MS));
	buf_init(&e->errand.message, PROTOCOL_LINE_MAX);
	message_errand(&e->errand.message, e->kind->ask, number, body);
	errands_add(e->all->o.errands, &e->errand);
	errands_go(e->all->o.errands);
}

static void on_watched(
    void *arg, const struct reply *reply, const struct err *err)
{
	struct ear *e = arg;
	const char *text = reply ? reply_text(reply, 0, 0) : NULL;
	json_t *paths = text ? json_loads(text, 0, NULL) : NULL;

	if (reply == NULL && err->kind != ERR_LOST)
		LOG(e->all->o.log, LVL_ERROR,
		    L_MSG("looking for folders to listen to failed"),
		    L_STR("error", err->text),
		    L_STR("sqlstate", err->sqlstate));
	if (paths != NULL && !e->all->retired) {
		listen_for(
		    e, json_pack("{sI so sO*}", "wait", (json_int_t)WAIT_MS,
			   "paths", paths, "marks", e->kept));
		return;
	}
	json_decref(paths);
	e->busy = false;
}

static void begin_local(struct ear *e)
{
	const struct arrivals *a = e->all;

	queue_send(a->o.queue, NULL, &watched,
	    (const char *const[]){a->o.worker_id(a->o.arg)}, on_watched, e);
}

/* The receipts say which messages go, now that the queue has heard of them. */
static void begin_objects(struct ear *e)
{
	if (e->all->o.settings->inputs_queue_url == NULL) {
		e->busy = false;
		return;
	}
	listen_for(e, json_pack("{sO*}", "receipts", e->kept));
}

static const struct ear_kind kinds[EARS] = {
    [LOCAL] = {.local = true,
	.ask = MSG_WATCH,
	.answer = MSG_ARRIVED,
	.own = ERRANDS_WATCH,
	.told = &arrived,
	.trouble = "not all folders can be listened to, their files are found "
		   "by listings",
	.heard = "paths",
	.go_on = "watched",
	.kept = "marks",
	.begin = begin_local},
    [OBJECTS] = {.ask = MSG_HEAR,
	.answer = MSG_HEARD,
	.own = ERRANDS_HEAR,
	.told = &created,
	.trouble = "the queue of new objects cannot be read",
	.heard = "objects",
	.go_on = "heard",
	.kept = "receipts",
	.begin = begin_objects},
};

/* ---- */

void arrivals_need(struct arrivals *a, const char *path)
{
	for (int i = 0; i < EARS; i++) {
		if (path == NULL || a->ears[i].kind->local == (path[0] == '/'))
			need(&a->ears[i]);
	}
}

void arrivals_down(struct arrivals *a)
{
	for (int i = 0; i < EARS; i++) {
		struct ear *e = &a->ears[i];

		if (!e->sent && !uv_is_active((uv_handle_t *)&e->timer))
			e->busy = false;
	}
}

void arrivals_retire(struct arrivals *a)
{
	a->retired = true;
	for (int i = 0; i < EARS; i++)
		uv_timer_stop(&a->ears[i].timer);
}

void arrivals_set_settings(struct arrivals *a, const struct settings *settings)
{
	a->o.settings = settings;
}

struct arrivals *arrivals_open(const struct arrivals_options *options)
{
	struct arrivals *a = mem_zalloc(sizeof(*a));

	a->o = *options;
	for (int i = 0; i < EARS; i++) {
		a->ears[i] = (struct ear){.all = a, .kind = &kinds[i]};
		uv_timer_init(a->o.loop, &a->ears[i].timer);
		a->ears[i].timer.data = &a->ears[i];
	}
	a->open = EARS;
	return a;
}

static void on_closed(uv_handle_t *handle)
{
	struct ear *e = handle->data;
	struct arrivals *a = e->all;

	buf_free(&e->errand.message);
	json_decref(e->kept);
	free(e->said);
	if (--a->open == 0)
		free(a);
}

void arrivals_close(struct arrivals *a)
{
	arrivals_retire(a);
	for (int i = 0; i < EARS; i++)
		uv_close((uv_handle_t *)&a->ears[i].timer, on_closed);
}
