/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/clock.h"
#include "settings/settings.h"
#include "sql/queue.h"
#include "supervisor/runs/run.h"

/* What could not be ended is tried again so often. */
#define AGAIN_MS 60000

static const struct statement swept = {"swept", sql_swept, 1};

void runs_sweep(struct runs *r, const char *leftovers)
{
	struct worker *w;
	struct buf b;

	if (leftovers == NULL || r->sweeper != NULL ||
	    clock_boot_ms() < r->sweep_ms)
		return;
	w = pool_take(r->pool, 1);
	if (w == NULL)
		return;
	/* Not at work on a run: a job may come and goes first. */
	pool_hold(w);
	r->sweeper = w;
	r->sweep_ms = clock_boot_ms() + AGAIN_MS;
	buf_init(&b, PROTOCOL_LINE_MAX);
	message_sweep(&b, r->o.settings->s3_stale_uploads, leftovers);
	worker_send(w, &b);
}

static void on_swept(void *arg, const struct reply *reply, const struct err *e)
{
	struct runs *r = arg;

	if (reply == NULL && e->kind != ERR_LOST)
		LOG(r->o.log, LVL_ERROR, L_MSG("recording a clean-up failed"),
		    L_STR("error", e->text));
}

void runs_swept(struct runs *r, const json_t *body)
{
	const char *error = json_str(body, "error", NULL);
	struct worker *w = r->sweeper;
	char *runs;

	if (w == NULL)
		return;
	r->sweeper = NULL;
	if (error != NULL)
		LOG(r->o.log, LVL_WARN,
		    L_MSG("uploads of runs that died cannot be ended yet"),
		    L_STR("error", error));
	else
		r->sweep_ms = 0;
	runs = json_dumps(json_object_get(body, "runs"), JSON_COMPACT);
	if (runs != NULL && queue_is_up(r->o.queue))
		queue_send(r->o.queue, NULL, &swept,
		    (const char *const[]){runs}, on_swept, r);
	free(runs);
	pool_give_back(w, true);
}
