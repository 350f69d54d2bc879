/* SPDX-License-Identifier: MIT */
#include "supervisor/sweeps.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sql/queue.h"

/* ms until uploads that could not be ended are tried again. */
#define AGAIN_MS 60000
#define SWEEP_MS 300000
/* Lane and number of the errand; no receiver of notices has this lane, and no
 * notice this number. */
#define LANE 0
#define NUMBER ((int64_t)1 << 62)

static const struct statement swept = {"swept", sql_swept, 1};

struct sweeps {
	struct sweeps_options o;
	struct errand errand;
	bool in_hand;
	int64_t again_ms; /* boot clock, ms: no clean-up starts earlier */
};

static void on_recorded(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct sweeps *s = arg;

	if (reply == NULL && e->kind != ERR_LOST)
		LOG(s->o.log, LVL_ERROR, L_MSG("recording a clean-up failed"),
		    L_STR("error", e->text));
}

static void end(struct sweeps *s)
{
	s->in_hand = false;
	buf_free(&s->errand.message);
}

/* Returns the milliseconds until the first of the uploads that are left is old enough
 * for a clean-up, at most AGAIN_MS. 0: none is left, or the clean-up was stopped. */
static int64_t wait_for_age(const struct sweeps *s, const json_t *runs)
{
	int64_t now = clock_wall_us() / 1000, least = INT64_MAX;
	const json_t *run, *one;
	size_t i, j;

	json_array_foreach(runs, i, run)
	{
		json_array_foreach(json_object_get(run, "uploads"), j, one)
		{
			int64_t at = json_int(one, "at", 0) * 1000;
			int64_t ms = at + s->o.settings->s3_stale_uploads - now;

			least = ms < least ? ms : least;
		}
	}
	if (least == INT64_MAX || least < 0)
		return 0;
	return least < AGAIN_MS ? least : AGAIN_MS;
}

static enum errand_outcome on_answered(
    struct errand *e, const json_t *body, const char *line, size_t len)
{
	struct sweeps *s = e->arg;
	const char *error = json_str(body, "error", NULL);
	char *runs = json_dumps(json_object_get(body, "runs"), JSON_COMPACT);

	(void)line;
	(void)len;
	if (error != NULL)
		LOG(s->o.log, LVL_WARN,
		    L_MSG("uploads of runs that died cannot be ended yet"),
		    L_STR("error", error));
	else
		s->again_ms = clock_boot_ms() +
			      wait_for_age(s, json_object_get(body, "runs"));
	if (runs != NULL && queue_is_up(s->o.queue))
		queue_send(s->o.queue, NULL, &swept,
		    (const char *const[]){runs}, on_recorded, s);
	free(runs);
	end(s);
	return error != NULL ? ERRAND_IN_VAIN : ERRAND_DONE;
}

static void on_failed(struct errand *e, const char *how)
{
	struct sweeps *s = e->arg;

	LOG(s->o.log, LVL_WARN, L_MSG("a clean-up did not end"),
	    L_STR("error", how));
	end(s);
}

static void on_put_off(struct errand *e, int64_t ms)
{
	struct sweeps *s = e->arg;

	s->again_ms = clock_boot_ms() + ms;
	end(s);
}

static const struct errand_ops errand_ops = {
    .stuck = "clean-up does not end, killing its worker",
    .answered = on_answered,
    .failed = on_failed,
    .put_off = on_put_off};

void sweeps_look(struct sweeps *s, const char *leftovers)
{
	if (leftovers == NULL || s->in_hand || clock_boot_ms() < s->again_ms)
		return;
	s->in_hand = true;
	s->again_ms = clock_boot_ms() + AGAIN_MS;
	s->errand = (struct errand){.ops = &errand_ops,
	    .arg = s,
	    .number = NUMBER,
	    .lane = LANE,
	    .timeout_ms = SWEEP_MS,
	    .end = MSG_SWEPT};
	buf_init(&s->errand.message, PROTOCOL_LINE_MAX);
	message_sweep(&s->errand.message, NUMBER, SWEEP_MS,
	    s->o.settings->s3_stale_uploads, leftovers);
	errands_add(s->o.errands, &s->errand);
	errands_go(s->o.errands);
}

void sweeps_set_settings(struct sweeps *s, const struct settings *settings)
{
	s->o.settings = settings;
}

struct sweeps *sweeps_open(const struct sweeps_options *options)
{
	struct sweeps *s = mem_zalloc(sizeof(*s));

	s->o = *options;
	return s;
}

void sweeps_free(struct sweeps *s)
{
	if (s == NULL)
		return;
	if (s->in_hand)
		buf_free(&s->errand.message);
	free(s);
}
