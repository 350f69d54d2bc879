/* SPDX-License-Identifier: MIT */
#include "scale/scale.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "scale/ecs.h"
#include "sql/scale.h"

/* One decision under way. */
struct decision {
	struct pg *queue;
	const struct settings *settings;
	struct aws *ecs;
	bool dry_run;
	char holder[RANDOM_UUID]; /* a random uuid: who has the turn */
};

/* Runs a statement and returns its one value, which the caller frees; an empty
 * text for null. */
static char *ask(struct pg *queue, const char *sql, int count,
    const char *const *params, struct err *e)
{
	struct pg_rows *rows = pg_query(queue, sql, count, params, e);
	const char *value = rows ? pg_rows_get(rows, 0, 0) : NULL;
	char *text = rows ? mem_strdup(value ? value : "") : NULL;

	if (rows == NULL && strcmp(e->sqlstate, "42501") == 0)
		err_hint(e, "the login of [queue] must be a member of "
			    "reportd_daemon: grant reportd_daemon to it");
	pg_rows_free(rows);
	return text;
}

/* Returns 1 with the turn, 0 when another process has it. */
static int take(struct decision *d, struct err *e)
{
	char per_task[24], most[24], *mine;
	const char *params[] = {d->holder, per_task, most};
	int rc;

	random_uuid(d->holder);
	snprintf(per_task, sizeof(per_task), "%" PRId64,
	    d->settings->scale_per_task);
	snprintf(most, sizeof(most), "%" PRId64, d->settings->scale_max);
	mine = ask(d->queue, sql_scale_take, 3, params, e);
	if (mine == NULL)
		return -1;
	rc = strcmp(mine, "t") == 0;
	free(mine);
	return rc;
}

static void release(const struct decision *d, bool answered)
{
	const char *params[] = {d->holder, answered ? "true" : "false"};
	struct err unused;

	/* When this statement is lost, the turn ends by itself, and the next
	 * request has the same token, so that nothing is started twice. */
	free(ask(d->queue, sql_scale_release, 2, params, &unused));
}

/* Returns the decision of the queue; JSON null when the turn is over. */
static json_t *plan(
    const struct decision *d, const struct ecs_tasks *tasks, struct err *e)
{
	char numbers[5][24], *text;
	const int64_t values[] = {tasks->starting, tasks->working, tasks->young,
	    d->settings->scale_per_task, d->settings->scale_max};
	const char *params[6] = {d->dry_run ? NULL : d->holder};
	json_t *o;

	for (int i = 0; i < 5; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "%" PRId64, values[i]);
		params[i + 1] = numbers[i];
	}
	text = ask(d->queue, sql_scale_plan, 6, params, e);
	if (text == NULL)
		return NULL;
	o = *text ? json_loads(text, 0, NULL) : json_null();
	if (o == NULL)
		err_set(e, ERR_PERMANENT, "the queue's answer is no JSON");
	else if (json_is_object(o))
		json_object_update_new(
		    o, json_pack("{si si si s[] ss}", "tasks", tasks->working,
			   "starting", tasks->starting, "started", 0,
			   "failures", "action", "enough"));
	free(text);
	return o;
}

/* Starts what is missing. Returns whether ECS has answered. */
static bool start(const struct decision *d, const struct ecs_tasks *tasks,
    json_t *answer, struct err *e)
{
	int missing = (int)json_int(answer, "missing", 0);
	struct ecs_started s = {
	    .failures = json_object_get(answer, "failures")};

	if (missing == 0)
		return true;
	if (d->dry_run) {
		json_object_set_new(
		    answer, "action", json_string("would start"));
		return true;
	}
	if (ecs_start(d->ecs, d->settings, missing,
		json_str(answer, "token", ""), tasks->arns, &s, e) != 0)
		json_array_append_new(s.failures, json_string(e->text));
	json_object_set_new(answer, "started", json_integer(s.count));
	json_object_set_new(
	    answer, "action", json_string(s.count > 0 ? "started" : "failed"));
	return !s.unanswered;
}

static json_t *decide(const struct decision *d, bool *answered, struct err *e)
{
	struct ecs_tasks tasks;
	json_t *answer = NULL;

	if (ecs_count(d->ecs, d->settings, &tasks, e) == 0)
		answer = plan(d, &tasks, e);
	if (json_is_object(answer)) {
		*answered = start(d, &tasks, answer, e);
		json_object_del(answer, "token");
	}
	ecs_tasks_free(&tasks);
	return answer;
}

static struct aws *client(struct services *services, struct err *e)
{
	const struct settings *s = services_settings(services);
	char *name = s->scale_region ? mem_printf("ecs@%s", s->scale_region)
				     : mem_strdup("ecs");
	struct aws *ecs = NULL;

	if (s->scale_cluster == NULL)
		err_set(e, ERR_PERMANENT,
		    "[scale] is not set: write cluster, task_definition and "
		    "subnets there");
	else
		ecs = services_aws(services, name, e);
	free(name);
	return ecs;
}

json_t *scale_once(
    struct pg *queue, struct services *services, bool dry_run, struct err *e)
{
	struct decision d = {.queue = queue,
	    .settings = services_settings(services),
	    .ecs = client(services, e),
	    .dry_run = dry_run};
	bool answered = false;
	json_t *answer;
	int mine;

	if (d.ecs == NULL)
		return NULL;
	mine = dry_run ? 1 : take(&d, e);
	if (mine < 0)
		return NULL;
	answer = mine ? decide(&d, &answered, e) : json_null();
	if (mine && !dry_run)
		release(&d, answered);
	if (!json_is_null(answer))
		return answer;
	json_decref(answer);
	return json_pack("{ss}", "action", "busy");
}

int scale_check(struct services *services, int *count, struct err *e)
{
	struct aws *ecs = client(services, e);
	struct ecs_tasks tasks;
	int rc;

	if (ecs == NULL)
		return -1;
	rc = ecs_count(ecs, services_settings(services), &tasks, e);
	*count = tasks.starting + tasks.working;
	ecs_tasks_free(&tasks);
	return rc;
}
