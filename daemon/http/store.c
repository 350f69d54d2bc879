/* SPDX-License-Identifier: MIT */
#include "http/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "sql/http.h"

#define SESSIONS_MAX 16
/* Statements that wait in one session; more are refused. */
#define WAITING_MAX 64

static const struct statement act = {"act", sql_act, 1};
static const struct statement check_session = {"session", sql_session, 0};
static const struct statement check_roles = {"roles", sql_roles, 1};

struct session {
	struct store *store;
	struct queue *queue;
	int waiting;
	bool sound; /* the login is what it must be */
};

/* A statement that waits until the first session is made. */
struct waiter {
	struct waiter *next;
	int64_t until_ms; /* boot clock */
	char *role;
	const struct statement *st;
	char **params;
	store_answer *answer;
	void *arg;
};

struct store {
	struct store_options o;
	struct waiter *waiters; /* the oldest first */
	int waiting;
	uv_timer_t patience; /* until the oldest is answered with an error */
	struct session sessions[SESSIONS_MAX];
	int count;
	struct tokens *tokens;
	bool roles_checked;
	bool was_ready;    /* there has been a session */
	char refusal[512]; /* why the login is refused; "" when it is not */
};

struct question {
	struct session *session;
	store_answer *answer;
	void *arg;
};

/* ---- statements that wait for the first session ---- */

static void free_waiter(struct waiter *w)
{
	for (int i = 0; i < w->st->params; i++)
		free(w->params[i]);
	free(w->params);
	free(w->role);
	free(w);
}

/* Answers the oldest with an error, or sends it when e is NULL. */
static void end_waiter(struct store *s, const struct err *e)
{
	struct waiter *w = s->waiters;
	const char *refusal =
	    s->tokens ? tokens_refusal(s->tokens, w->role) : NULL;
	struct err own;

	s->waiters = w->next;
	s->waiting--;
	if (e == NULL && refusal != NULL) {
		err_set(&own, ERR_PERMANENT, "%s", refusal);
		str_copy(own.sqlstate, sizeof(own.sqlstate), "42501");
		e = &own;
	}
	if (e == NULL &&
	    store_ask(s, w->role, w->st, (const char *const *)w->params,
		w->answer, w->arg, &own) != 0)
		e = &own;
	if (e != NULL)
		w->answer(w->arg, NULL, e, "");
	free_waiter(w);
}

static void end_waiters(struct store *s)
{
	while (s->waiters != NULL)
		end_waiter(s, NULL);
	uv_timer_stop(&s->patience);
}

static void on_patience(uv_timer_t *timer)
{
	struct store *s = timer->data;
	int64_t now = clock_boot_ms();
	struct err e;

	while (s->waiters != NULL && s->waiters->until_ms <= now &&
	       !store_is_ready(s, &e))
		end_waiter(s, &e);
	if (s->waiters != NULL && s->waiters->until_ms <= now)
		end_waiters(s);
	else if (s->waiters != NULL)
		uv_timer_start(timer, on_patience,
		    (uint64_t)(s->waiters->until_ms - now), 0);
}

/* A process that was started by a client's request is not connected yet: the
 * request waits as long as a statement may take. */
static int wait_for_session(struct store *s, const char *role,
    const struct statement *st, const char *const *params, store_answer *answer,
    void *arg)
{
	int64_t patience = s->o.settings->server_timeout * 3 / 4;
	struct waiter *w, **end = &s->waiters;

	if (s->was_ready || *s->refusal != '\0' || s->waiting == WAITING_MAX)
		return -1;
	w = mem_zalloc(sizeof(*w));
	w->until_ms = clock_boot_ms() + patience;
	w->role = mem_strdup(role);
	w->st = st;
	w->params = mem_zalloc((size_t)(st->params + 1) * sizeof(*w->params));
	for (int i = 0; i < st->params; i++)
		w->params[i] = mem_strdup(params[i]);
	w->answer = answer;
	w->arg = arg;
	while (*end != NULL)
		end = &(*end)->next;
	*end = w;
	if (s->waiting++ == 0)
		uv_timer_start(
		    &s->patience, on_patience, (uint64_t)patience, 0);
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
	else
		end_waiters(n->store);
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
	uv_timer_init(options->loop, &s->patience);
	s->patience.data = s;
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
	for (int i = 0; i < s->count; i++) {
		struct queue_options q = options_of(&s->sessions[i]);

		queue_reopen(s->sessions[i].queue, &q);
	}
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void store_close(struct store *s)
{
	struct err e;

	err_set(&e, ERR_TRANSIENT, "the HTTP server ends");
	while (s->waiters != NULL)
		end_waiter(s, &e);
	for (int i = 0; i < s->count; i++)
		queue_close(s->sessions[i].queue);
	uv_close((uv_handle_t *)&s->patience, on_closed);
}

/* Returns the session in which the fewest statements wait; NULL: none can be
 * used. */
static struct session *choose(const struct store *s)
{
	const struct session *best = NULL;

	for (int i = 0; i < s->count; i++) {
		const struct session *n = &s->sessions[i];

		if (n->sound && queue_is_up(n->queue) &&
		    (best == NULL || n->waiting < best->waiting))
			best = n;
	}
	return (struct session *)(uintptr_t)best;
}

bool store_is_ready(const struct store *s, struct err *e)
{
	if (choose(s) != NULL)
		return true;
	err_set(e, ERR_TRANSIENT, "the database cannot be used: %s",
	    *s->refusal ? s->refusal : queue_trouble(s->sessions[0].queue));
	return false;
}

static void on_answer(void *arg, const struct reply *reply, const struct err *e)
{
	struct question *q = arg;

	q->session->waiting--;
	q->answer(q->arg, reply, e, reply ? "" : queue_hint(q->session->queue));
	free(q);
}

int store_ask(struct store *s, const char *role, const struct statement *st,
    const char *const *params, store_answer *answer, void *arg, struct err *e)
{
	struct session *n = choose(s);
	struct question *q;

	if (n == NULL &&
	    wait_for_session(s, role, st, params, answer, arg) == 0)
		return 0;
	if (n == NULL)
		return store_is_ready(s, e) ? 0 : -1;
	if (n->waiting >= WAITING_MAX)
		return err_set(e, ERR_TRANSIENT,
		    "too many requests wait for the database; try again");
	q = mem_zalloc(sizeof(*q));
	q->session = n;
	q->answer = answer;
	q->arg = arg;
	n->waiting++;
	queue_send_after(n->queue, &act, (const char *const[]){role}, st,
	    params, on_answer, q);
	return 0;
}

static void on_roles(void *arg, const struct reply *reply, const struct err *e)
{
	struct store *s = arg;

	if (reply == NULL) {
		LOG(s->o.log, LVL_ERROR,
		    L_MSG("cannot check the tokens' roles"),
		    L_STR("error", e->text));
		return;
	}
	s->roles_checked = true;
	for (int i = 0; i < reply_rows(reply); i++) {
		LOG(s->o.log, LVL_WARN, L_MSG("a token of the file is refused"),
		    L_STR("error", reply_text(reply, i, 1)));
		tokens_refuse(s->tokens, reply_text(reply, i, 0),
		    reply_text(reply, i, 1));
	}
	end_waiters(s);
}

void store_check_roles(struct store *s, struct tokens *t)
{
	const struct session *n = choose(s);
	struct buf roles;

	s->tokens = t;
	s->roles_checked = false;
	if (n == NULL)
		return;
	buf_init(&roles, 256u << 10);
	tokens_list_roles(t, &roles);
	queue_send(n->queue, NULL, &check_roles,
	    (const char *const[]){queue_text(&roles)}, on_roles, s);
	buf_free(&roles);
}
