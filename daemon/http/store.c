/* SPDX-License-Identifier: MIT */
#include "http/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/share.h"
#include "http/turns.h"
#include "sql/http.h"

#define SESSIONS_MAX 16
/* Statements that wait for a session; more are refused, those of the role first that
 * has most of them. */
#define WAITING_MAX 256
/* Statements take their share of one session's time, but for a burst. A rest is short
 * beside a statement that waits for a lock. */
#define BURST_NS (250 * 1000000ll)
#define REST_NS (50 * 1000000ll)

static const struct statement act = {"act", sql_act, 1};
static const struct statement check_session = {"session", sql_session, 0};
static const struct statement check_roles = {"roles", sql_roles, 1};

struct session {
	struct store *store;
	struct queue *queue;
	bool sound;        /* the login is what it must be */
	struct turn *busy; /* whose statement it has; NULL: none */
};

struct store {
	struct store_options o;
	struct turns turns; /* what waits */
	struct share share; /* of the sessions together */
	uv_timer_t timer;   /* the end of a rest, or of the oldest's patience */
	struct session sessions[SESSIONS_MAX];
	int count;
	struct tokens *tokens;
	bool roles_checked;
	bool checking_roles;
	bool was_ready;    /* there has been a session */
	char refusal[512]; /* why the login is refused; "" when it is not */
};

struct question {
	struct session *session;
	uint64_t asked_ns;
	store_answer *answer;
	void *arg;
};

static bool can_take(const struct session *n, bool idle)
{
	return n->sound && queue_is_up(n->queue) && !(idle && n->busy != NULL);
}

/* Returns a session that can be used; NULL: there is none. With `idle`: one that
 * has no statement. */
static struct session *choose(const struct store *s, bool idle)
{
	for (int i = 0; i < s->count; i++) {
		const struct session *n = &s->sessions[i];

		if (can_take(n, idle))
			return (struct session *)(uintptr_t)n;
	}
	return NULL;
}

bool store_is_ready(const struct store *s, struct err *e)
{
	if (choose(s, false) != NULL)
		return true;
	err_set(e, ERR_TRANSIENT, "the database cannot be used: %s",
	    *s->refusal ? s->refusal : queue_trouble(s->sessions[0].queue));
	return false;
}

/* Returns how many sessions can take a statement now. */
static int idle_of(const struct store *s)
{
	int idle = 0;

	for (int i = 0; i < s->count; i++)
		idle += can_take(&s->sessions[i], true);
	return idle;
}

/* ---- statements ---- */

static void pump(struct store *s);

static void on_answer(void *arg, const struct reply *reply, const struct err *e)
{
	struct question *q = arg;
	struct session *n = q->session;
	uint64_t now = uv_hrtime();

	n->busy->busy--;
	n->busy = NULL;
	share_took(
	    &n->store->share, (int64_t)(now - q->asked_ns), (int64_t)now);
	q->answer(q->arg, reply, e, reply ? "" : queue_hint(n->queue));
	free(q);
	pump(n->store);
}

static void send_now(struct session *n, struct turn *t,
    const struct statement *st, const char *const *params, store_answer *answer,
    void *arg)
{
	struct question *q = mem_zalloc(sizeof(*q));

	q->session = n;
	q->asked_ns = uv_hrtime();
	q->answer = answer;
	q->arg = arg;
	n->busy = t;
	t->busy++;
	t->served = ++n->store->turns.served;
	queue_send_after(n->queue, &act, (const char *const[]){t->role}, st,
	    params, on_answer, q);
}

static void refuse(struct store *s, struct waiter **place, const struct err *e)
{
	struct waiter *w = turns_take(&s->turns, place);

	w->answer(w->arg, NULL, e, "");
	turns_free_waiter(w);
}

static void refuse_oldest(struct store *s, const struct err *e)
{
	refuse(s, &s->turns.waiters, e);
}

/* Sends a statement, whose role may have been refused since it came. */
static void send_waiter(
    struct store *s, struct waiter **place, struct session *n)
{
	const char *refusal =
	    s->tokens ? tokens_refusal(s->tokens, (*place)->turn->role) : NULL;
	struct waiter *w;
	struct err e;

	if (refusal != NULL) {
		err_set(&e, ERR_PERMANENT, "%s", refusal);
		str_copy(e.sqlstate, sizeof(e.sqlstate), "42501");
		refuse(s, place, &e);
		return;
	}
	w = turns_take(&s->turns, place);
	send_now(n, w->turn, w->st, (const char *const *)w->params, w->answer,
	    w->arg);
	turns_free_waiter(w);
}

/* Says whether statements may wait: for a session that is busy, or for the first
 * session, when a client's request has started this process. */
static bool may_wait(const struct store *s)
{
	return choose(s, false) != NULL ||
	       (!s->was_ready && *s->refusal == '\0');
}

static void on_timer(uv_timer_t *timer)
{
	pump(timer->data);
}

/* ns until the sessions have rested. */
static int64_t rest_of(const struct store *s)
{
	return share_rest(&s->share, (int64_t)uv_hrtime());
}

static bool may_send(const struct store *s)
{
	return !s->checking_roles && choose(s, true) != NULL && rest_of(s) == 0;
}

/* Looks again when the oldest has waited enough, or after a rest. */
static void look_later(struct store *s)
{
	int64_t ms = s->turns.waiters->until_ms - clock_boot_ms();
	int64_t rest_ms = rest_of(s) / 1000000 + 1;

	if (turns_next(&s->turns, idle_of(s)) != NULL && !s->checking_roles &&
	    rest_ms < ms)
		ms = rest_ms;
	uv_timer_start(&s->timer, on_timer, (uint64_t)(ms > 0 ? ms : 0), 0);
}

static void refuse_late(struct store *s)
{
	struct err e;

	while (s->turns.waiters != NULL &&
	       s->turns.waiters->until_ms <= clock_boot_ms()) {
		if (store_is_ready(s, &e))
			err_set(&e, ERR_TRANSIENT,
			    "the database is busy with other requests; try "
			    "again");
		refuse_oldest(s, &e);
	}
}

/* Sends what waits, as far as it may. */
static void pump(struct store *s)
{
	struct waiter **next;
	struct err e;

	refuse_late(s);
	while (s->turns.waiters != NULL && !may_wait(s)) {
		store_is_ready(s, &e);
		refuse_oldest(s, &e);
	}
	while (
	    may_send(s) && (next = turns_next(&s->turns, idle_of(s))) != NULL)
		send_waiter(s, next, choose(s, true));
	if (s->turns.waiters != NULL)
		look_later(s);
	else
		uv_timer_stop(&s->timer);
}

static void wait_for_session(struct store *s, struct turn *t,
    const struct statement *st, const char *const *params, store_answer *answer,
    void *arg)
{
	int64_t patience = s->o.settings->server_timeout * 3 / 4;

	turns_add(
	    &s->turns, &(struct waiter){.until_ms = clock_boot_ms() + patience,
			   .turn = t,
			   .st = st,
			   .params = (char **)(uintptr_t)params,
			   .answer = answer,
			   .arg = arg});
	look_later(s);
}

static int refuse_more(struct err *e)
{
	return err_set(e, ERR_TRANSIENT,
	    "too many requests wait for the database; try again");
}

/* Makes room for a statement of a role. Returns -1 when no other role has more that
 * wait. */
static int make_room(struct store *s, const struct turn *t, struct err *e)
{
	struct waiter **excess;

	if (s->turns.waiting < WAITING_MAX)
		return 0;
	excess = turns_excess(&s->turns, t);
	if (excess == NULL)
		return refuse_more(e);
	refuse_more(e);
	refuse(s, excess, e);
	return 0;
}

int store_ask(struct store *s, const char *role, const struct statement *st,
    const char *const *params, store_answer *answer, void *arg, struct err *e)
{
	struct turn *t = turns_of(&s->turns, role);

	if (!may_wait(s))
		return store_is_ready(s, e) ? 0 : -1;
	if (s->turns.waiters == NULL && may_send(s) &&
	    turns_may_take(t, idle_of(s)))
		send_now(choose(s, true), t, st, params, answer, arg);
	else if (make_room(s, t, e) != 0)
		return -1;
	else
		wait_for_session(s, t, st, params, answer, arg);
	return 0;
}

/* ---- sessions ---- */

static void on_session(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct session *n = arg;
	const char *wrong = reply ? reply_text(reply, 0, 0) : NULL;
	struct err refusal;

	if (reply == NULL) {
		if (e->kind != ERR_LOST)
			queue_give_up(n->queue, e);
		return;
	}
	str_copy(
	    n->store->refusal, sizeof(n->store->refusal), wrong ? wrong : "");
	if (wrong != NULL) {
		err_set(&refusal, ERR_PERMANENT,
		    "%s; make one for the HTTP server alone: create role "
		    "reportd_http login noinherit",
		    wrong);
		LOG(n->store->o.log, LVL_ERROR,
		    L_MSG("the login of [server] conninfo is refused"),
		    L_STR("error", refusal.text));
		queue_give_up(n->queue, &refusal);
		return;
	}
	n->sound = true;
	queue_works(n->queue);
	n->store->was_ready = true;
	if (!n->store->roles_checked && n->store->tokens != NULL)
		store_check_roles(n->store, n->store->tokens);
	pump(n->store);
}

static void on_up(void *arg)
{
	struct session *n = arg;

	queue_send(n->queue, NULL, &check_session, NULL, on_session, n);
}

static void on_down(void *arg, const struct err *e)
{
	struct session *n = arg;

	(void)e;
	n->sound = false;
	pump(n->store);
}

static void on_notified(void *arg, const char *channel)
{
	(void)arg;
	(void)channel;
}

static const struct queue_events session_events = {
    .up = on_up, .down = on_down, .notified = on_notified};

static struct queue_options options_of(const struct session *n)
{
	/* The connection listens to no channel; its statements are prepared. */
	static const char *const no_channels[] = {NULL};
	const struct store_options *o = &n->store->o;

	return (struct queue_options){.loop = o->loop,
	    .log = o->log,
	    .conninfo = o->settings->server_conninfo,
	    .secret_arn = o->settings->server_secret_arn,
	    .settings = o->settings,
	    .program = o->program,
	    .channels = no_channels,
	    .timeout_ms = o->settings->server_timeout,
	    .events = &session_events,
	    .arg = (void *)(uintptr_t)n};
}

static void open_session(struct session *n)
{
	struct queue_options q = options_of(n);

	n->queue = queue_open(&q);
}

struct store *store_open(const struct store_options *options)
{
	struct store *s = mem_zalloc(sizeof(*s));

	s->o = *options;
	s->share = (struct share){.percent = options->settings->server_share,
	    .burst = BURST_NS,
	    .longest = REST_NS};
	uv_timer_init(options->loop, &s->timer);
	s->timer.data = s;
	s->count = (int)options->settings->server_sessions;
	for (int i = 0; i < s->count; i++) {
		s->sessions[i].store = s;
		open_session(&s->sessions[i]);
	}
	return s;
}

void store_set_settings(struct store *s, const struct settings *settings)
{
	s->o.settings = settings;
	s->share.percent = settings->server_share;
	for (int i = 0; i < s->count; i++) {
		struct queue_options q = options_of(&s->sessions[i]);

		queue_reopen(s->sessions[i].queue, &q);
	}
}

static void on_closed(uv_handle_t *handle)
{
	struct store *s = handle->data;

	turns_free(&s->turns);
	free(s);
}

void store_close(struct store *s)
{
	struct err e;

	err_set(&e, ERR_TRANSIENT, "the HTTP server ends");
	while (s->turns.waiters != NULL)
		refuse_oldest(s, &e);
	for (int i = 0; i < s->count; i++)
		queue_close(s->sessions[i].queue);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}

/* ---- roles ---- */

static void on_roles(void *arg, const struct reply *reply, const struct err *e)
{
	struct store *s = arg;

	s->checking_roles = false;
	if (reply == NULL) {
		LOG(s->o.log, LVL_ERROR,
		    L_MSG("cannot check the tokens' roles"),
		    L_STR("error", e->text));
		pump(s);
		return;
	}
	s->roles_checked = true;
	for (int i = 0; i < reply_rows(reply); i++) {
		LOG(s->o.log, LVL_WARN, L_MSG("a token of the file is refused"),
		    L_STR("error", reply_text(reply, i, 1)));
		tokens_refuse(s->tokens, reply_text(reply, i, 0),
		    reply_text(reply, i, 1));
	}
	pump(s);
}

void store_check_roles(struct store *s, struct tokens *t)
{
	const struct session *n = choose(s, false);
	struct buf roles;

	s->tokens = t;
	s->roles_checked = false;
	if (n == NULL)
		return;
	buf_init(&roles, 256u << 10);
	tokens_list_roles(t, &roles);
	s->checking_roles = true;
	queue_send(n->queue, NULL, &check_roles,
	    (const char *const[]){queue_text(&roles)}, on_roles, s);
	buf_free(&roles);
}
