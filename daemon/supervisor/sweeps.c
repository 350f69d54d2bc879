/* SPDX-License-Identifier: MIT */
#include "supervisor/sweeps.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sql/queue.h"

/* ms until leftovers that could not be ended are tried again: at first, and at
 * most, as the wait doubles until all are ended. */
#define FIRST_MS 2000
#define AGAIN_MS 60000
#define SWEEP_MS 300000
#define NUMBER ERRANDS_OWN_NUMBER(ERRANDS_SWEEP)

static const struct statement swept = {"swept", sql_swept, 1};

struct sweeps {
	struct sweeps_options o;
	struct errand errand;
	bool in_hand;
	int64_t again_ms; /* boot clock, ms: no clean-up starts earlier */
	int64_t wait_ms;  /* after the next clean-up, unless it ends all */
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

static enum errand_outcome on_answered(
    struct errand *e, const json_t *body, const char *line, size_t len)
{
	struct sweeps *s = e->arg;
	const char *error = json_str(body, "error", NULL);
	char *runs = json_dumps(json_object_get(body, "runs"), JSON_COMPACT);
	int64_t wait = json_int(body, "wait", 0);

	(void)line;
	(void)len;
	if (error != NULL)
		LOG(s->o.log, LVL_WARN,
		    L_MSG("leftovers of runs that died cannot be ended yet"),
		    L_STR("error", error));
	else if (wait == 0) {
		s->wait_ms = FIRST_MS;
		s->again_ms = 0;
	}
	/* Uploads that are too young to be aborted delay no other clean-up. */
	else if (clock_boot_ms() + wait < s->again_ms)
		s->again_ms = clock_boot_ms() + wait;
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

static void add_source(
    const struct sweeps *s, const json_t *entry, json_t *sources)
{
	const char *name = json_str(entry, "source", NULL);
	const struct source_settings *source;

	if (name == NULL || json_object_get(sources, name) != NULL)
		return;
	source = settings_source(s->o.settings, name);
	if (source == NULL)
		LOG(s->o.log, LVL_WARN,
		    L_MSG("a run that died has left a statement with a source "
			  "that is not in the settings"),
		    L_STR("source", name));
	json_object_set_new(
	    sources, name, source ? json_string(source->packed) : json_null());
}

/* Returns the settings of the sources whose statements were left, by name. */
static json_t *sources_of(const struct sweeps *s, const char *leftovers)
{
	json_t *runs = json_loads(leftovers, 0, NULL), *sources = json_object();
	const json_t *run, *entry;
	size_t i, k;

	json_array_foreach(runs, i, run)
	{
		json_array_foreach(json_object_get(run, "leftovers"), k, entry)
		{
			add_source(s, entry, sources);
		}
	}
	json_decref(runs);
	return sources;
}

void sweeps_set_settings(struct sweeps *s, const struct settings *settings)
{
	s->o.settings = settings;
}

void sweeps_look(struct sweeps *s, const char *leftovers)
{
	json_t *sources;

	if (leftovers == NULL || s->in_hand || clock_boot_ms() < s->again_ms)
		return;
	s->in_hand = true;
	s->again_ms = clock_boot_ms() + s->wait_ms;
	s->wait_ms = s->wait_ms < AGAIN_MS / 2 ? s->wait_ms * 2 : AGAIN_MS;
	s->errand = (struct errand){.ops = &errand_ops,
	    .arg = s,
	    .number = NUMBER,
	    .lane = ERRANDS_OWN_LANE(ERRANDS_SWEEP),
	    .timeout_ms = SWEEP_MS,
	    .end = MSG_SWEPT};
	buf_init(&s->errand.message, PROTOCOL_LINE_MAX);
	sources = sources_of(s, leftovers);
	message_sweep(&s->errand.message, NUMBER, SWEEP_MS, leftovers, sources);
	json_decref(sources);
	errands_add(s->o.errands, &s->errand);
	errands_go(s->o.errands);
}

struct sweeps *sweeps_open(const struct sweeps_options *options)
{
	struct sweeps *s = mem_zalloc(sizeof(*s));

	s->o = *options;
	s->wait_ms = FIRST_MS;
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
