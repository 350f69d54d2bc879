/* SPDX-License-Identifier: MIT */
#include "worker/task.h"

#include <stdlib.h>

#include "base/mem.h"
#include "worker/pipeline.h"

struct task *task_new(enum message_type type, json_t *message)
{
	struct task *t = mem_zalloc(sizeof(*t));

	t->type = type;
	t->run_id = json_int(message, "run_id", 0);
	if (type == MSG_JOB)
		t->job = (struct job){
		    .asked = {.message = message,
			.run_id = t->run_id,
			.config_id = json_int(message, "config_id", 0)},
		    .outcome = {.stage = "start",
			.prep_ms = -1,
			.rows = -1,
			.bytes = -1}};
	else
		t->message = message;
	return t;
}

void task_free(struct task *t)
{
	if (t->type == MSG_JOB) {
		pipeline_drop(&t->job);
		job_free(&t->job);
	}
	json_decref(t->message);
	free(t);
}

void tasks_add(struct tasks *list, struct task *t)
{
	struct task **at = &list->first;

	while (*at != NULL)
		at = &(*at)->next;
	t->next = NULL;
	*at = t;
}

static struct task *take(struct task **at)
{
	struct task *t = *at;

	if (t != NULL)
		*at = t->next;
	return t;
}

struct task *tasks_take(struct tasks *list, int64_t run_id)
{
	struct task **at = &list->first;

	while (*at != NULL && (*at)->run_id != run_id)
		at = &(*at)->next;
	return take(at);
}

struct task *tasks_next(struct tasks *list, bool settled)
{
	struct task **at = &list->first;

	while (settled && *at != NULL && (*at)->type == MSG_SETTINGS)
		at = &(*at)->next;
	return take(at);
}

void tasks_free(struct tasks *list)
{
	struct task *t;

	while ((t = tasks_next(list, false)) != NULL)
		task_free(t);
}
