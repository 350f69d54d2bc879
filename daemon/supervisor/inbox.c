/* SPDX-License-Identifier: MIT */
#include "supervisor/inbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "settings/inbox.h"
#include "sql/queue.h"

#define NUMBER ERRANDS_OWN_NUMBER(ERRANDS_INBOX)
/* Times `timeout`. A step connects, and runs one statement, or a few when a row
 * cannot be read. No statement of it begins later than STEP_TIMES after the
 * queue was asked for the step. The hold (the time for which no other daemon
 * takes the turn) outlasts the last statement, with one `timeout` to spare. */
#define STEP_TIMES 3
#define HOLD_TIMES 5
/* ms until a turn is asked for again after one that failed, or when the queue could not be
 * asked. */
#define AGAIN_MS 5000
#define LATE                                                                \
	"a step could not begin in time: the workers of [notify] are busy " \
	"or do not start, or the queue answers slowly"

static const struct statement begin_turn = {"inbox_begin", sql_inbox_begin, 7};
static const struct statement step_turn = {"inbox_step", sql_inbox_step, 7};

struct inbox {
	struct inbox_options o;
	uv_timer_t timer;
	struct errand errand;
	char *name; /* in the queue; NULL: there is no inbox */
	char turn[24];
	int64_t timeout_ms; /* of the step that the queue gave last */
	int64_t until_ms;   /* boot clock: it begins no statement later */
	bool asking;        /* whether a turn is due */
	bool working;       /* an errand is in hand */
	bool tells; /* it writes: a write of a killed worker may go on there */
	bool recording;
	bool ends;  /* the statement under way gives the turn back */
	bool other; /* the step belongs to an inbox from before a reload */
	bool retired;
	bool unsettled; /* something may have to be written back */
	bool fails;     /* the last turn failed */
};

static const struct errand_ops errand_ops;
static void look(struct inbox *i, int64_t write_back_ms);
static void record_failure(struct inbox *i, const char *error, bool over);

static void on_timer(uv_timer_t *timer)
{
	struct inbox *i = timer->data;
	int64_t left = i->until_ms - clock_boot_ms();

	if (!i->working)
		inbox_look(i);
	else if (left > 0)
		uv_timer_start(timer, on_timer, (uint64_t)left, 0);
	else if (errands_withdraw(i->o.errands, &i->errand))
		record_failure(i, LATE, true);
}

/* A reload may have taken the inbox away. */
static bool may_work(const struct inbox *i)
{
	return !i->retired && i->name != NULL;
}

static void look_in(struct inbox *i, int64_t ms)
{
	if (may_work(i))
		uv_timer_start(
		    &i->timer, on_timer, (uint64_t)(ms > 0 ? ms : 0) + 1, 0);
}

static void end_turn(struct inbox *i)
{
	look_in(i, i->fails ? AGAIN_MS : 0);
	i->o.events->ended(i->o.arg);
}

/* Sends a step of the turn to a worker, as the queue has described it. */
static void send_step(struct inbox *i, json_t *step)
{
	const struct settings *s = i->o.settings;
	const struct source_settings *source =
	    settings_source(s, s->inbox_source);
	int64_t limit = i->timeout_ms * STEP_TIMES;

	json_object_set_new(step, "timeout", json_integer(limit));
	json_object_set_new(step, "until", json_integer(i->until_ms));
	json_object_set_new(step, "limit", json_integer(i->timeout_ms));
	json_object_set_new(step, "source", json_string(source->packed));
	json_object_set_new(step, "table", json_string(s->inbox_table));
	json_object_set_new(step, "columns", json_string(s->inbox_columns));
	i->errand = (struct errand){.ops = &errand_ops,
	    .arg = i,
	    .number = NUMBER,
	    .lane = ERRANDS_OWN_LANE(ERRANDS_INBOX),
	    .timeout_ms = limit,
	    .end = MSG_INBOXED};
	buf_init(&i->errand.message, PROTOCOL_LINE_MAX);
	message_errand(
	    &i->errand.message, MSG_INBOX, NUMBER, json_incref(step));
	i->working = true;
	i->tells = json_object_get(step, "tell") != NULL;
	uv_timer_start(&i->timer, on_timer, 0, 0);
	errands_add(i->o.errands, &i->errand);
	errands_go(i->o.errands);
}

/* ---- the queue ---- */

static void give_up(struct inbox *i, bool over);

static void on_no_turn(struct inbox *i, const json_t *answer)
{
	const char *fault = json_str(answer, "fault", NULL);
	bool was = i->unsettled;

	if (fault != NULL)
		LOG(i->o.log, LVL_ERROR, L_MSG("the inbox cannot be read"),
		    L_STR("error", fault));
	i->unsettled = json_bool(answer, "untold", false);
	look_in(i, json_int(answer, "wait", AGAIN_MS));
	if (answer != NULL && was && !i->unsettled)
		i->o.events->ended(i->o.arg);
}

static void on_begun(void *arg, const struct reply *reply, const struct err *e)
{
	struct inbox *i = arg;
	json_t *next = NULL;

	i->asking = false;
	if (reply != NULL)
		next = json_loads(reply_text(reply, 0, 0), 0, NULL);
	else if (e->kind != ERR_LOST)
		LOG(i->o.log, LVL_ERROR, L_MSG("looking at the inbox failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	if (i->other || (i->retired && json_object_get(next, "turn") == NULL)) {
		end_turn(i);
	} else if (json_object_get(next, "turn") != NULL) {
		snprintf(i->turn, sizeof(i->turn), "%" PRId64,
		    json_int(next, "turn", 0));
		if (may_work(i))
			send_step(i, next);
		else
			give_up(i, true);
	} else {
		on_no_turn(i, next);
	}
	json_decref(next);
}

static const char *queue_worker(const struct inbox *i)
{
	const char *id = i->o.events->worker_id(i->o.arg);

	return id != NULL && *id != '\0' && queue_is_up(i->o.queue) ? id : NULL;
}

static void put_ms(char *to, size_t size, int64_t ms)
{
	snprintf(to, size, "%" PRId64, ms);
}

/* Writes the time for which no other daemon takes the turn, counted from when
 * the queue is asked now. */
static void put_hold(struct inbox *i, char *to, size_t size)
{
	i->timeout_ms = i->o.settings->inbox_timeout;
	i->until_ms = clock_boot_ms() + i->timeout_ms * STEP_TIMES;
	put_ms(to, size, i->timeout_ms * HOLD_TIMES);
}

static void look(struct inbox *i, int64_t write_back_ms)
{
	const struct settings *s = i->o.settings;
	const char *id = queue_worker(i);
	char every[24], back[24], hold[24];
	struct inbox_columns columns;
	struct buf fields;
	struct err unused;

	if (!may_work(i) || i->asking || i->working || i->recording ||
	    id == NULL)
		return;
	put_ms(every, sizeof(every), s->inbox_interval);
	put_ms(back, sizeof(back), write_back_ms);
	put_hold(i, hold, sizeof(hold));
	buf_init(&fields, 1 << 20);
	inbox_columns_read(s->inbox_columns, &columns, &unused);
	inbox_fields_array(&columns, &fields);
	inbox_columns_free(&columns);
	i->asking = true;
	i->other = false;
	queue_send(i->o.queue, NULL, &begin_turn,
	    (const char *const[]){
		id, i->name, s->inbox_owner, fields.data, every, back, hold},
	    on_begun, i);
	buf_free(&fields);
}

void inbox_look(struct inbox *i)
{
	look(i, i->o.settings->inbox_write_back);
}

static void on_recorded(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct inbox *i = arg;
	const char *text = reply ? reply_text(reply, 0, 0) : NULL;
	json_t *next = text ? json_loads(text, 0, NULL) : NULL;

	i->recording = false;
	if (reply == NULL && e->kind != ERR_LOST) {
		LOG(i->o.log, LVL_ERROR,
		    L_MSG("recording a step of the inbox failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
		if (!i->ends) {
			record_failure(i, e->text, true);
			return;
		}
	}
	if (next != NULL && may_work(i) && !i->other)
		send_step(i, next);
	else
		end_turn(i);
	json_decref(next);
}

/* Records the answer of a step, a JSON object, in the queue. When the queue
 * refuses it, an answer with that error is recorded instead, which gives the
 * turn back. When that fails too, other daemons may take the turn once its hold
 * has ended. */
static void record(struct inbox *i, const char *answer)
{
	const struct settings *s = i->o.settings;
	const char *id = queue_worker(i);
	char hold[24], retention[24];

	i->working = false;
	buf_free(&i->errand.message);
	if (id == NULL || i->name == NULL || i->other) {
		end_turn(i);
		return;
	}
	put_hold(i, hold, sizeof(hold));
	put_ms(retention, sizeof(retention), s->retention);
	i->recording = true;
	queue_send(i->o.queue, NULL, &step_turn,
	    (const char *const[]){id, i->name, i->turn, answer,
		i->retired ? "t" : "f", hold, retention},
	    on_recorded, i);
}

/* The daemon ends: another daemon goes on, at once when nothing of the step can
 * still run. */
static void give_up(struct inbox *i, bool over)
{
	i->ends = true;
	record(i, over ? "{\"over\": true}" : "{\"over\": false}");
}

/* ---- the errand ---- */

static void record_failure(struct inbox *i, const char *error, bool over)
{
	json_t *answer = json_pack("{ss sb}", "error", error, "over", over);
	char *text = json_dumps(answer, JSON_COMPACT);

	if (!i->other) {
		LOG(i->o.log, LVL_WARN, L_MSG("the inbox cannot be used"),
		    L_STR("inbox", i->name), L_STR("error", error));
		i->fails = true;
	}
	i->ends = true;
	record(i, text);
	free(text);
	json_decref(answer);
}

static void log_refused(const struct inbox *i, const json_t *aside)
{
	const char *id;
	json_t *why;

	json_object_foreach((json_t *)(uintptr_t)aside, id, why)
	{
		LOG(i->o.log, LVL_WARN,
		    L_MSG("a row of the inbox cannot be written back"),
		    L_STR("inbox", i->name), L_STR("row", id),
		    L_STR("error", json_string_value(why)));
	}
}

static enum errand_outcome on_answered(
    struct errand *e, const json_t *body, const char *line, size_t len)
{
	struct inbox *i = e->arg;
	const char *error = json_str(body, "error", NULL);

	(void)len;
	if (json_bool(body, "again", false)) {
		if (!i->retired && clock_boot_ms() < i->until_ms)
			return ERRAND_AGAIN;
		if (i->retired)
			give_up(i, json_bool(body, "over", false));
		else
			record_failure(i, LATE, json_bool(body, "over", false));
		return ERRAND_DONE;
	}
	if (error != NULL) {
		record_failure(i, error, json_bool(body, "over", false));
		return ERRAND_IN_VAIN;
	}
	if (!i->other)
		log_refused(i, json_object_get(body, "aside"));
	i->fails = i->ends = false;
	record(i, line);
	return ERRAND_DONE;
}

static void on_failed(struct errand *e, const char *how)
{
	struct inbox *i = e->arg;

	if (i->retired)
		give_up(i, !i->tells);
	else
		record_failure(i, how, !i->tells);
}

static void on_put_off(struct errand *e, int64_t ms)
{
	(void)ms;
	record_failure(
	    e->arg, "its server does not answer at the moment", true);
}

static const struct errand_ops errand_ops = {
    .stuck = "a step of the inbox does not end, killing its worker",
    .answered = on_answered,
    .failed = on_failed,
    .put_off = on_put_off};

/* ---- */

void inbox_run_ended(struct inbox *i)
{
	i->unsettled = i->name != NULL;
}

void inbox_down(struct inbox *i)
{
	i->asking = i->recording = false;
}

void inbox_retire(struct inbox *i)
{
	i->retired = true;
	uv_timer_stop(&i->timer);
	if (i->working && errands_withdraw(i->o.errands, &i->errand))
		give_up(i, true);
}

void inbox_release(struct inbox *i)
{
	if (i->working)
		errands_stop(i->o.errands, &i->errand);
}

bool inbox_is_busy(const struct inbox *i)
{
	return i->working || i->recording || (i->retired && i->asking);
}

bool inbox_is_settled(struct inbox *i)
{
	if (!inbox_is_busy(i) && (!i->unsettled || i->fails))
		return true;
	look(i, 0);
	return false;
}

void inbox_set_settings(struct inbox *i, const struct settings *settings)
{
	char *name =
	    settings->inbox_source != NULL ? inbox_name(settings) : NULL;

	if (name == NULL || i->name == NULL || strcmp(name, i->name) != 0) {
		i->other = true;
		i->unsettled = name != NULL;
		i->fails = false;
	}
	i->o.settings = settings;
	free(i->name);
	i->name = name;
	uv_timer_stop(&i->timer);
	look_in(i, 0);
}

struct inbox *inbox_open(const struct inbox_options *options)
{
	struct inbox *i = mem_zalloc(sizeof(*i));

	i->o = *options;
	uv_timer_init(i->o.loop, &i->timer);
	i->timer.data = i;
	inbox_set_settings(i, options->settings);
	return i;
}

static void on_closed(uv_handle_t *handle)
{
	struct inbox *i = handle->data;

	if (i->working)
		buf_free(&i->errand.message);
	free(i->name);
	free(i);
}

void inbox_close(struct inbox *i)
{
	uv_close((uv_handle_t *)&i->timer, on_closed);
}
