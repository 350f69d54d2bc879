/* SPDX-License-Identifier: MIT */
#include "supervisor/outbox.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "protocol.h"
#include "sql/queue.h"
#include "supervisor/pool.h"

/* In hand at most: the worker does not wait for a claim while receivers are
 * quick, and not many wait behind a slow one. */
#define HAND 16
#define CHECK_MS 250
/* A result that cannot be recorded is tried again so often. */
#define AGAIN_MS 5000
/* A receiver that cost more than VAIN_MS in vain is left alone for so many times
 * that, so that one that is dead does not take up the worker's time. */
#define VAIN_MS 1000
#define VAIN_TIMES 10
#define ALONE_MAX_MS 600000
#define ALONE_MAX 32
#define BATCH_MAX (1u << 20)

static const struct statement claim = {"notice_claim", sql_notice_claim, 5};
static const struct statement done = {"notice_done", sql_notice_done, 5};

enum state { WAITING, SENDING, ENDED };
/* Its record: not now, waits to be sent, under way. */
enum asking { NO, WAITS, SENT };

struct item {
	struct item *next;
	int64_t id, run_id, attempt;
	char *channel, *recipient;
	struct buf message; /* to the worker */
	struct buf result;  /* a line of message_notice_done */
	enum state state;
	enum asking record;
	int64_t again_ms; /* boot clock: its record is not repeated before */
	bool released;    /* stopped: not counted */
	bool lost;        /* somebody else has it now */
	bool plain;       /* message_make_plain */
};

/* A receiver that is left alone for a while. */
struct alone {
	char *name;
	int64_t until_ms; /* boot clock */
};

struct outbox {
	struct outbox_options o;
	struct pool *pool;
	bool staffed; /* the pool has a worker */
	struct item *list, **end;
	int count; /* without those that are lost */
	struct item *current;
	struct worker *worker;
	int64_t kill_ms; /* boot clock; 0: told to die already, or nothing */
	int64_t given_ms;
	struct alone alone[ALONE_MAX];
	bool running, stopping;
	bool claiming, recording, want;
	uv_timer_t check;
	uv_prepare_t turn;
};

static void send_claim(struct outbox *o);
static void give_next(struct outbox *o);

int outbox_count(const struct outbox *o)
{
	return o->count;
}

bool outbox_claiming(const struct outbox *o)
{
	return o->claiming;
}

/* ---- the notices in hand ---- */

static void drop(struct outbox *o, struct item *item)
{
	struct item **at = &o->list;

	while (*at != item)
		at = &(*at)->next;
	*at = item->next;
	if (item->next == NULL)
		o->end = at;
	o->count -= !item->lost;
	buf_free(&item->message);
	buf_free(&item->result);
	free(item->channel);
	free(item->recipient);
	free(item);
	if (o->count == 0 && !o->claiming)
		o->o.events->idle(o->o.arg);
}

static void end(struct item *item)
{
	item->state = ENDED;
	item->record = WAITS;
}

/* In the supervisor's own words. */
static void end_with(
    struct item *item, const char *state, const char *error, int64_t retry_ms)
{
	buf_clear(&item->result);
	message_notice_done(
	    &item->result, &(struct notice_result){.notification_id = item->id,
			       .attempt = item->attempt,
			       .state = state,
			       .error = error,
			       .retry_ms = retry_ms});
	end(item);
}

static void release_waiting(struct outbox *o)
{
	for (struct item *item = o->list; item != NULL; item = item->next) {
		if (item->state == WAITING)
			end_with(item, "RELEASED", NULL, 0);
	}
}

static void take_row(struct outbox *o, const struct reply *reply, int row)
{
	const char *text = reply_text(reply, row, 2);
	struct item *item = mem_zalloc(sizeof(*item));
	struct err unused;
	json_t *notice = json_parse_object(text, strlen(text), &unused);

	item->id = reply_int(reply, row, 0, 0);
	item->attempt = reply_int(reply, row, 1, 0);
	item->run_id = json_int(notice, "run_id", 0);
	item->channel = mem_strdup(json_str(notice, "channel", ""));
	item->recipient = mem_strdup(json_str(notice, "recipient", ""));
	json_decref(notice);
	buf_init(&item->message, PROTOCOL_LINE_MAX);
	buf_init(&item->result, BATCH_MAX);
	message_notice(
	    &item->message, item->id, o->o.settings->notify_timeout, text);
	*o->end = item;
	o->end = &item->next;
	o->count++;
	if (item->message.overflow)
		end_with(item, "FAILED", "the notice is too large", 0);
}

/* ---- receivers that are left alone ---- */

/* Whom a notice goes through: of mails and topics it is one server. */
static const char *receiver(const struct item *item)
{
	bool own = strcmp(item->channel, "webhook") == 0 ||
		   strcmp(item->channel, "slack") == 0;

	return own ? item->recipient : item->channel;
}

/* Its place in the list; else one that is free or ends first. */
static struct alone *find_alone(struct outbox *o, const char *name)
{
	struct alone *best = &o->alone[0];

	for (struct alone *a = o->alone; a < o->alone + ALONE_MAX; a++) {
		if (a->name != NULL && strcmp(a->name, name) == 0)
			return a;
		if (a->until_ms < best->until_ms)
			best = a;
	}
	free(best->name);
	*best = (struct alone){.name = mem_strdup(name)};
	return best;
}

static void learn(struct outbox *o, const struct item *item, const char *state)
{
	int64_t now = clock_boot_ms(), took = now - o->given_ms;
	int64_t wait = took * VAIN_TIMES;

	if (strcmp(state, "RETRY") == 0 && took >= VAIN_MS)
		find_alone(o, receiver(item))->until_ms =
		    now + (wait < ALONE_MAX_MS ? wait : ALONE_MAX_MS);
}

/* True: not now. It waits in the database, so that it is in nobody's way. */
static bool postpone(struct outbox *o, struct item *item)
{
	int64_t now = clock_boot_ms();

	for (struct alone *a = o->alone; a < o->alone + ALONE_MAX; a++) {
		if (a->name == NULL || now >= a->until_ms ||
		    strcmp(a->name, receiver(item)) != 0)
			continue;
		end_with(item, "RELEASED",
		    "waits: its receiver did not answer others in time",
		    a->until_ms - now);
		return true;
	}
	return false;
}

/* ---- the worker ---- */

static void on_check(uv_timer_t *timer)
{
	struct outbox *o = timer->data;
	int64_t now = clock_boot_ms();

	for (struct item *item = o->list; item != NULL; item = item->next) {
		if (item->state == ENDED && item->record == NO &&
		    now >= item->again_ms)
			item->record = WAITS;
	}
	if (o->current != NULL && o->kill_ms != 0 && now >= o->kill_ms) {
		LOG(o->o.log, LVL_WARN,
		    L_MSG("delivery does not end, killing its worker"),
		    L_INT("notice", o->current->id),
		    L_INT("pid", worker_pid(o->worker)));
		o->kill_ms = 0;
		worker_signal(o->worker, SIGKILL);
	}
	if (o->list == NULL)
		uv_timer_stop(timer);
}

static void give_next(struct outbox *o)
{
	const struct settings *s = o->o.settings;
	struct item *item = o->list;

	if (o->current != NULL)
		return;
	while (item != NULL && (item->state != WAITING || postpone(o, item)))
		item = item->next;
	if (item == NULL)
		return;
	if (!o->staffed) {
		o->staffed = true;
		pool_resize(o->pool, 1, s->worker_memory);
		/* It has told us by pool_events.freed. */
		return;
	}
	o->worker = pool_take(o->pool, 1);
	if (o->worker == NULL)
		return;
	o->current = item;
	item->state = SENDING;
	o->given_ms = clock_boot_ms();
	o->kill_ms = clock_boot_ms() + s->notify_timeout + s->cancel_grace;
	worker_send(o->worker, &item->message);
}

/* The current one came to its end; its worker is there or is not. */
static struct item *take_current(struct outbox *o)
{
	struct item *item = o->current;

	o->current = NULL;
	o->worker = NULL;
	o->kill_ms = 0;
	return item;
}

static void on_line(void *arg, struct worker *w, char *line, size_t len)
{
	struct outbox *o = arg;
	struct item *item = o->current;
	struct message m;
	struct err e;

	if (message_parse(line, len, &m, &e) != 0) {
		LOG(o->o.log, LVL_ERROR, L_MSG("worker talks nonsense"),
		    L_INT("pid", worker_pid(w)), L_STR("error", e.text));
		worker_signal(w, SIGKILL);
		return;
	}
	if (m.type == MSG_NOTICE_DONE && w == o->worker &&
	    m.run_id == item->id) {
		const char *state = json_str(m.body, "state", "");
		bool sent = strcmp(state, "SENT") == 0;

		learn(o, item, state);
		take_current(o);
		if (item->released && !sent) {
			end_with(item, "RELEASED", NULL, 0);
		} else {
			buf_add(&item->result, line, len);
			end(item);
		}
		if (item->lost)
			drop(o, item);
		pool_give_back(w, false);
	}
	json_decref(m.body);
}

static void on_died(void *arg, struct worker *w, const char *how)
{
	struct outbox *o = arg;
	struct item *item;
	char text[256];

	if (w != o->worker)
		return;
	item = take_current(o);
	snprintf(text, sizeof(text), "the delivery did not end: %s", how);
	if (item->lost)
		drop(o, item);
	else if (item->released)
		end_with(item, "RELEASED", NULL, 0);
	else
		end_with(item, "RETRY", text, 0);
	give_next(o);
}

static void on_freed(void *arg)
{
	give_next(arg);
}

static const struct pool_events pool_events = {
    .line = on_line, .died = on_died, .freed = on_freed};

/* ---- what became of them ---- */

static void log_end(
    const struct outbox *o, const struct item *item, const char *outcome)
{
	bool sent = strcmp(outcome, "SENT") == 0;
	struct err unused;
	json_t *v;

	if (sent && o->o.log->level > LVL_INFO)
		return;
	v = json_parse_object(item->result.data, item->result.len, &unused);
	if (sent)
		LOG(o->o.log, LVL_INFO, L_MSG("notice sent"),
		    L_INT("notice", item->id), L_INT("run", item->run_id),
		    L_STR("channel", item->channel),
		    L_STR("recipient", item->recipient));
	else if (strcmp(json_str(v, "state", ""), "RELEASED") == 0)
		LOG(o->o.log, LVL_DEBUG, L_MSG("notice given back"),
		    L_INT("notice", item->id), L_INT("run", item->run_id),
		    L_STR("why", json_str(v, "error", "")));
	else
		LOG(o->o.log, LVL_WARN, L_MSG("notice not delivered"),
		    L_INT("notice", item->id), L_INT("run", item->run_id),
		    L_STR("channel", item->channel),
		    L_STR("recipient", item->recipient),
		    L_STR("state",
			strcmp(outcome, "PENDING") == 0 ? "RETRY" : outcome),
		    L_INT("attempt", item->attempt),
		    L_STR("error", json_str(v, "error", "")),
		    L_STR("detail", json_str(v, "detail", "")));
	json_decref(v);
}

static void take_outcome(
    struct outbox *o, struct item *item, const char *outcome)
{
	if (strcmp(outcome, "busy") == 0) {
		/* Its row is locked by somebody: a little later. */
		item->record = NO;
		return;
	}
	if (strcmp(outcome, "lost") == 0)
		LOG(o->o.log, LVL_WARN,
		    L_MSG("notice not recorded: it was taken over or recorded "
			  "before"),
		    L_INT("notice", item->id), L_INT("run", item->run_id));
	else
		log_end(o, item, outcome);
	if (strcmp(outcome, "PENDING") == 0)
		o->o.events->due_again(o->o.arg);
	drop(o, item);
}

static void record_failed(struct outbox *o, const struct err *e)
{
	int64_t again_ms = clock_boot_ms() + AGAIN_MS;

	if (e->kind != ERR_LOST)
		LOG(o->o.log, LVL_ERROR, L_MSG("recording notices failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	for (struct item *item = o->list; item != NULL; item = item->next) {
		if (item->record != SENT)
			continue;
		item->record = NO;
		item->again_ms = again_ms;
		if (!message_unfit(e) || item->plain)
			continue;
		item->plain = true;
		message_make_plain(&item->result);
		item->record = WAITS;
	}
}

static void on_done(void *arg, const struct reply *reply, const struct err *e)
{
	struct outbox *o = arg;

	o->recording = false;
	if (reply == NULL) {
		record_failed(o, e);
		return;
	}
	for (int i = 0; i < reply_rows(reply); i++) {
		int64_t id = reply_int(reply, i, 0, 0);
		struct item *item = o->list;

		while (item != NULL && (item->id != id || item->record != SENT))
			item = item->next;
		if (item != NULL)
			take_outcome(o, item, reply_text(reply, i, 1));
	}
	send_claim(o);
}

static void send_done(struct outbox *o)
{
	const struct settings *s = o->o.settings;
	char backoff[32], most[32], attempts[32];
	struct buf b;

	buf_init(&b, 2 * BATCH_MAX);
	buf_char(&b, '[');
	for (struct item *item = o->list; item != NULL; item = item->next) {
		if (item->record != WAITS || b.len > BATCH_MAX)
			continue;
		item->record = SENT;
		if (b.len > 1)
			buf_char(&b, ',');
		buf_add(&b, item->result.data, item->result.len);
	}
	buf_char(&b, ']');
	if (b.len > 2) {
		snprintf(
		    backoff, sizeof(backoff), "%" PRId64, s->notify_backoff);
		snprintf(most, sizeof(most), "%" PRId64, s->notify_backoff_max);
		snprintf(
		    attempts, sizeof(attempts), "%" PRId64, s->notify_attempts);
		o->recording = true;
		queue_send(o->o.queue, NULL, &done,
		    (const char *const[]){o->o.events->worker_id(o->o.arg),
			b.data, backoff, most, attempts},
		    on_done, o);
	}
	buf_free(&b);
}

/* Just before the loop sleeps: one statement at a time, what comes meanwhile is
 * the next one's. */
static void on_turn(uv_prepare_t *turn)
{
	struct outbox *o = turn->data;

	if (o->count > 0 && o->running && !o->recording &&
	    queue_is_up(o->o.queue))
		send_done(o);
}

/* ---- the claim ---- */

static void on_claim(void *arg, const struct reply *reply, const struct err *e)
{
	struct outbox *o = arg;
	int rows = reply ? reply_rows(reply) : 0;

	o->claiming = false;
	if (reply == NULL && e->kind != ERR_LOST)
		LOG(o->o.log, LVL_ERROR, L_MSG("claiming notices failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	for (int i = 0; i < rows; i++)
		take_row(o, reply, i);
	/* Where there were some there may be more. */
	o->want = o->want || rows > 0;
	if (o->stopping)
		release_waiting(o);
	if (o->count == 0) {
		o->o.events->idle(o->o.arg);
		return;
	}
	if (!uv_is_active((uv_handle_t *)&o->check))
		uv_timer_start(&o->check, on_check, CHECK_MS, CHECK_MS);
	give_next(o);
}

static void send_claim(struct outbox *o)
{
	char wanted[16];
	struct buf ids;
	int in_hand = 0;

	for (const struct item *item = o->list; item; item = item->next)
		in_hand += item->state != ENDED;
	if (!o->running || o->stopping || o->claiming || !o->want ||
	    in_hand > HAND / 2 || !queue_is_up(o->o.queue))
		return;
	o->want = false;
	o->claiming = true;
	buf_init(&ids, BATCH_MAX);
	buf_char(&ids, '{');
	for (const struct item *item = o->list; item; item = item->next) {
		if (!item->lost)
			buf_printf(&ids, "%s%" PRId64, ids.len > 1 ? "," : "",
			    item->id);
	}
	buf_char(&ids, '}');
	snprintf(wanted, sizeof(wanted), "%d", HAND - in_hand);
	queue_send(o->o.queue, NULL, &claim,
	    (const char *const[]){o->o.events->worker_id(o->o.arg), wanted,
		ids.data, "{}", wanted},
	    on_claim, o);
	buf_free(&ids);
}

void outbox_look(struct outbox *o)
{
	o->want = true;
	send_claim(o);
}

void outbox_start(struct outbox *o)
{
	o->running = true;
	for (struct item *item = o->list; item != NULL; item = item->next) {
		if (item->state == ENDED && item->record == NO)
			item->record = WAITS;
	}
	outbox_look(o);
}

/* ---- stopping ---- */

void outbox_lose(struct outbox *o)
{
	struct item *next;

	o->running = false;
	if (o->current != NULL && !o->current->lost) {
		struct buf b;

		buf_init(&b, 4096);
		message_stop(&b, o->current->id);
		worker_send(o->worker, &b);
		o->current->lost = true;
		o->count--;
	}
	for (struct item *item = o->list; item != NULL; item = next) {
		next = item->next;
		if (item != o->current)
			drop(o, item);
	}
}

void outbox_stop(struct outbox *o)
{
	o->stopping = true;
	release_waiting(o);
	pool_retire(o->pool);
}

void outbox_release(struct outbox *o)
{
	struct buf b;

	if (o->current == NULL)
		return;
	if (o->current->released) {
		worker_signal(o->worker, SIGKILL);
		return;
	}
	o->current->released = true;
	buf_init(&b, 4096);
	message_stop(&b, o->current->id);
	worker_send(o->worker, &b);
	o->kill_ms = clock_boot_ms() + o->o.settings->cancel_grace;
}

/* ---- */

void outbox_set_settings(
    struct outbox *o, const struct settings *settings, const char *greeting)
{
	o->o.settings = settings;
	pool_greet(o->pool, greeting);
	pool_hide(o->pool, settings->secret_variables);
	pool_resize(o->pool, o->staffed, settings->worker_memory);
}

struct outbox *outbox_open(const struct outbox_options *options)
{
	struct outbox *o = mem_zalloc(sizeof(*o));

	o->o = *options;
	o->end = &o->list;
	o->pool = pool_open(&(struct pool_options){.loop = o->o.loop,
	    .log = o->o.log,
	    .program = o->o.program,
	    .size = 0,
	    .memory = o->o.settings->worker_memory,
	    .greeting = o->o.greeting,
	    .hidden = o->o.settings->secret_variables,
	    .events = &pool_events,
	    .arg = o});
	uv_timer_init(o->o.loop, &o->check);
	uv_prepare_init(o->o.loop, &o->turn);
	o->check.data = o->turn.data = o;
	uv_prepare_start(&o->turn, on_turn);
	return o;
}

static void on_closed(uv_handle_t *handle)
{
	struct outbox *o = handle->data;
	struct item *next;

	for (struct item *item = o->list; item != NULL; item = next) {
		next = item->next;
		buf_free(&item->message);
		buf_free(&item->result);
		free(item->channel);
		free(item->recipient);
		free(item);
	}
	for (struct alone *a = o->alone; a < o->alone + ALONE_MAX; a++)
		free(a->name);
	free(o);
}

void outbox_close(struct outbox *o)
{
	pool_close(o->pool);
	uv_close((uv_handle_t *)&o->turn, NULL);
	uv_close((uv_handle_t *)&o->check, on_closed);
}
