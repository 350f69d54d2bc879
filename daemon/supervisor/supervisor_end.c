/* SPDX-License-Identifier: MIT */
#include <signal.h>

#include "sql/queue.h"
#include "supervisor/sdnotify.h"
#include "supervisor/supervisor_parts.h"

static const struct statement leaving = {"leaving", sql_leaving, 1};
static const struct statement leave = {"leave", sql_leave, 1};
static const struct statement may_leave = {"may_leave", sql_may_leave, 1};

static void on_retired(void *arg)
{
	struct supervisor *s = arg;

	for (int i = 0; i < SUPERVISOR_SIGNALS; i++) {
		int number = s->signals[i].signum;

		uv_close((uv_handle_t *)&s->signals[i], NULL);
		/* A further signal must not kill the process, which would look
		 * like a crash. */
		signal(number, SIG_IGN);
	}
	uv_close((uv_handle_t *)&s->watchdog, NULL);
	uv_close((uv_handle_t *)&s->idle, NULL);
	uv_close((uv_handle_t *)&s->grace, NULL);
	uv_close((uv_handle_t *)&s->away, NULL);
	supervisor_end_survey(s);
	poller_close(s->poller);
	outbox_close(s->outbox);
	arrivals_close(s->arrivals);
	errands_close(s->errands);
	inbox_close(s->inbox);
	web_close(s->web);
	pool_close(s->pool);
	runs_close(s->runs);
	queue_close(s->queue);
	LOG(&s->log, LVL_INFO, L_MSG("stopped"), L_INT("status", s->status));
}

void supervisor_finish_stop(struct supervisor *s)
{
	if (s->phase == CLOSING)
		return;
	s->phase = CLOSING;
	uv_timer_stop(&s->grace);
	uv_timer_stop(&s->away);
	poller_down(s->poller);
	lease_retire(s->lease, on_retired, s);
}

void supervisor_tell_web(struct supervisor *s)
{
	web_tell(s->web, &(struct web_beat){.until_ms = lease_until(s->lease),
			     .ready = s->phase == RUNNING,
			     .restarts = pool_restarts(s->pool)});
}

bool supervisor_at_rest(const struct supervisor *s)
{
	return runs_count(s->runs) == 0 && outbox_count(s->outbox) == 0 &&
	       !poller_claiming(s->poller) && !outbox_claiming(s->outbox) &&
	       !inbox_is_busy(s->inbox);
}

/* First the runs get time to end. Then they are stopped and given back, and the
 * queue gets time to record that. Then the daemon ends in any case. */
static void on_grace(uv_timer_t *timer)
{
	struct supervisor *s = timer->data;

	if (!s->given_up) {
		s->given_up = true;
		LOG(&s->log, LVL_WARN, L_MSG("stopping the runs in hand"),
		    L_INT("runs", runs_count(s->runs)),
		    L_INT("notices", outbox_count(s->outbox)));
		runs_release_all(s->runs);
		outbox_release(s->outbox);
		inbox_release(s->inbox);
		uv_timer_start(&s->grace, on_grace,
		    (uint64_t)(s->settings->cancel_grace +
			       s->settings->queue_timeout + 1000),
		    0);
		return;
	}
	LOG(&s->log, LVL_ERROR,
	    L_MSG("the queue does not answer; other daemons take the runs "
		  "over when the lease ends"),
	    L_INT("runs", runs_count(s->runs)));
	s->status = STATUS_FAILED;
	supervisor_finish_stop(s);
}

static void on_told(void *arg, const struct reply *reply, const struct err *e)
{
	/* Without this notice it would count as a daemon until it has ended. */
	(void)arg, (void)reply, (void)e;
}

static void tell_scalers(struct supervisor *s)
{
	const char *id = lease_worker_id(s->lease);

	if (*id != '\0' && queue_is_up(s->queue))
		queue_send(s->queue, NULL, &leaving, (const char *const[]){id},
		    on_told, s);
}

void supervisor_begin_stop(struct supervisor *s, const char *why)
{
	if (s->phase != RUNNING)
		return;
	s->phase = STOPPING;
	LOG(&s->log, LVL_INFO, L_MSG("stopping"), L_STR("why", why),
	    L_INT("runs", runs_count(s->runs)));
	sdnotify("STOPPING=1");
	supervisor_tell_web(s);
	poller_no_claims(s->poller);
	pool_retire(s->pool);
	runs_release_waiting(s->runs);
	outbox_stop(s->outbox);
	arrivals_retire(s->arrivals);
	errands_retire(s->errands);
	inbox_retire(s->inbox);
	if (supervisor_at_rest(s)) {
		supervisor_finish_stop(s);
		return;
	}
	tell_scalers(s);
	uv_timer_start(
	    &s->grace, on_grace, (uint64_t)s->settings->shutdown_grace, 0);
}

void supervisor_hurry(struct supervisor *s)
{
	if (s->given_up) {
		runs_release_all(s->runs);
		outbox_release(s->outbox);
		inbox_release(s->inbox);
	} else {
		uv_timer_start(&s->grace, on_grace, 0, 0);
	}
}

/* ---- nothing to do ---- */

/* Says whether the answer is that this daemon may end. After a no it looks for
 * work: some is due, or the other daemons are too few. */
static bool may_end(
    struct supervisor *s, const struct reply *reply, const struct err *e)
{
	bool may = reply != NULL && reply_bool(reply, 0, 0);

	if (reply == NULL && e->kind != ERR_LOST)
		LOG(&s->log, LVL_ERROR, L_MSG("looking for more work failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	if (reply != NULL && !may && s->phase == RUNNING)
		poller_look(s->poller);
	return may && s->phase == RUNNING;
}

static bool ask(
    struct supervisor *s, const struct statement *st, queue_answer *answer)
{
	if (s->phase != RUNNING || !supervisor_at_rest(s) ||
	    !queue_is_up(s->queue))
		return false;
	queue_send(s->queue, NULL, st,
	    (const char *const[]){lease_worker_id(s->lease)}, answer, s);
	return true;
}

static void on_leave(void *arg, const struct reply *reply, const struct err *e)
{
	struct supervisor *s = arg;

	if (may_end(s, reply, e))
		supervisor_begin_stop(s, "idle");
	else if (s->phase == RUNNING)
		web_wake(s->web);
}

static void on_web_rests(void *arg)
{
	struct supervisor *s = arg;

	if (!ask(s, &leave, on_leave) && s->phase == RUNNING)
		web_wake(s->web);
}

/* Nobody may bring work by HTTP after the queue has said that there is none: a
 * request that comes meanwhile waits in the socket, where the service manager
 * finds it and starts the next daemon. */
static void on_may_leave(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct supervisor *s = arg;

	if (may_end(s, reply, e))
		web_rest(s->web, on_web_rests, s);
}

void supervisor_ask_to_leave(struct supervisor *s)
{
	ask(s, &may_leave, on_may_leave);
}

/* ---- a queue that is away ---- */

/* After the length of a lease without the queue, the runs in hand no longer
 * belong to this daemon. */
static void on_away(uv_timer_t *timer)
{
	struct supervisor *s = timer->data;

	if (s->phase != RUNNING)
		return;
	LOG(&s->log, LVL_ERROR,
	    L_MSG("the queue could not be used for a lease"),
	    L_INT("ms", s->settings->lease),
	    L_STR("error", queue_trouble(s->queue)));
	s->status = STATUS_UNREACHED;
	supervisor_begin_stop(s, "the queue cannot be used");
}

void supervisor_queue_is_away(struct supervisor *s)
{
	if (s->phase == RUNNING && (s->o.drain || s->o.idle_exit_ms > 0) &&
	    !uv_is_active((uv_handle_t *)&s->away))
		uv_timer_start(
		    &s->away, on_away, (uint64_t)s->settings->lease, 0);
}
