/* SPDX-License-Identifier: MIT */
#include "scale/ecs.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define TARGET "AmazonEC2ContainerServiceV20141113."
/* Tasks of one ListTasks, of one DescribeTasks, and of one RunTask, at most. */
#define PAGE 100
#define AT_ONCE 10
#define PAGES_MAX 20
/* Seconds after which a task that runs has registered. */
#define YOUNG_S 60

/* Calls an operation; takes over the reference to the arguments. */
static json_t *call(
    struct aws *ecs, const char *op, json_t *arguments, struct err *e)
{
	char *target = mem_printf(TARGET "%s", op);
	char code[64] = "";
	json_t *reply = aws_json(ecs, target, "1.1", arguments, code, e);

	if (strncmp(code, "AccessDenied", 12) == 0)
		err_hint(e, "the credentials need ecs:%s%s", op,
		    strcmp(op, "RunTask") == 0
			? ", and iam:PassRole on the roles of the task "
			  "definition"
			: "");
	json_decref(arguments);
	free(target);
	return reply;
}

/* Returns the family in "family", "family:7" or
 * "arn:aws:ecs:REGION:ACCOUNT:task-definition/family:7"; the caller frees it. */
static char *family_of(const char *definition)
{
	const char *slash = strrchr(definition, '/');
	const char *name = slash ? slash + 1 : definition;

	return mem_strndup(name, strcspn(name, ":"));
}

/* ---- what runs ---- */

static void count_task(struct ecs_tasks *tasks, const json_t *task)
{
	const char *status = json_str(task, "lastStatus", "");
	const json_t *since = json_object_get(task, "startedAt");
	double now = (double)clock_wall_us() / 1e6;

	if (strcmp(json_str(task, "desiredStatus", ""), "STOPPED") == 0)
		return;
	json_object_set_new(
	    tasks->arns, json_str(task, "taskArn", ""), json_true());
	if (strcmp(status, "RUNNING") != 0) {
		tasks->starting++;
		return;
	}
	tasks->working++;
	/* The JSON protocol sends times as seconds since 1970. */
	if (!json_is_number(since) || json_number_value(since) > now - YOUNG_S)
		tasks->young++;
}

/* Describes the tasks of a page; one that has gone meanwhile is a failure of that
 * call and does not count. */
static int describe(struct aws *ecs, const struct settings *s,
    const json_t *arns, struct ecs_tasks *tasks, struct err *e)
{
	json_t *reply, *list;

	if (json_array_size(arns) == 0)
		return 0;
	reply = call(ecs, "DescribeTasks",
	    json_pack("{ss sO}", "cluster", s->scale_cluster, "tasks", arns),
	    e);
	list = json_object_get(reply, "tasks");
	for (size_t i = 0; i < json_array_size(list); i++)
		count_task(tasks, json_array_get(list, i));
	json_decref(reply);
	return reply ? 0 : -1;
}

int ecs_count(struct aws *ecs, const struct settings *s,
    struct ecs_tasks *tasks, struct err *e)
{
	char *family = family_of(s->scale_task_definition), *next = NULL;
	int rc = 0, pages = 0;

	*tasks = (struct ecs_tasks){.arns = json_object()};
	do {
		json_t *reply = call(ecs, "ListTasks",
		    json_pack("{ss ss ss si ss*}", "cluster", s->scale_cluster,
			"family", family, "desiredStatus", "RUNNING",
			"maxResults", PAGE, "nextToken", next),
		    e);

		free(next);
		next = mem_strdup(json_str(reply, "nextToken", NULL));
		rc = reply ? describe(ecs, s,
				 json_object_get(reply, "taskArns"), tasks, e)
			   : -1;
		json_decref(reply);
		if (rc == 0 && next != NULL && ++pages == PAGES_MAX)
			rc = err_set(e, ERR_PERMANENT,
			    "there are more than %d tasks of family %s",
			    PAGES_MAX * PAGE, family);
	} while (rc == 0 && next != NULL);
	free(next);
	free(family);
	return rc == 0 ? 0 : err_wrap(e, "counting the tasks");
}

void ecs_tasks_free(struct ecs_tasks *tasks)
{
	json_decref(tasks->arns);
	tasks->arns = NULL;
}

/* ---- starting tasks ---- */

/* Returns the words of "a, b" as an array. */
static json_t *words_of(const char *list)
{
	json_t *array = json_array();
	const char *word = list ? list : "";

	for (word += strspn(word, ", \t"); *word != '\0';
	     word += strspn(word, ", \t")) {
		size_t n = strcspn(word, ", \t");

		json_array_append_new(array, json_stringn(word, n));
		word += n;
	}
	return array;
}

static json_t *request(const struct settings *s, int count, const char *token)
{
	json_t *network =
	    json_pack("{so so ss}", "subnets", words_of(s->scale_subnets),
		"securityGroups", words_of(s->scale_security_groups),
		"assignPublicIp", s->scale_public_ip ? "ENABLED" : "DISABLED");
	json_t *o = json_pack("{ss ss si ss ss s{so}}", "cluster",
	    s->scale_cluster, "taskDefinition", s->scale_task_definition,
	    "count", count, "startedBy", "reportd", "clientToken", token,
	    "networkConfiguration", "awsvpcConfiguration", network);

	if (s->scale_capacity_provider != NULL)
		json_object_set_new(o, "capacityProviderStrategy",
		    json_pack("[{ss}]", "capacityProvider",
			s->scale_capacity_provider));
	else
		json_object_set_new(o, "launchType", json_string("FARGATE"));
	return o;
}

static void take_answer(
    const json_t *reply, const json_t *known, struct ecs_started *started)
{
	const json_t *tasks = json_object_get(reply, "tasks");
	const json_t *failures = json_object_get(reply, "failures");

	for (size_t i = 0; i < json_array_size(tasks); i++) {
		const char *arn =
		    json_str(json_array_get(tasks, i), "taskArn", "");

		started->count += json_object_get(known, arn) == NULL;
	}
	for (size_t i = 0; i < json_array_size(failures); i++) {
		const json_t *one = json_array_get(failures, i);
		const char *detail = json_str(one, "detail", NULL);
		char *text =
		    mem_printf("%s%s%s", json_str(one, "reason", "unknown"),
			detail ? ": " : "", detail ? detail : "");

		json_array_append_new(started->failures, json_string(text));
		free(text);
	}
}

int ecs_start(struct aws *ecs, const struct settings *s, int count,
    const char *token, const json_t *known, struct ecs_started *started,
    struct err *e)
{
	for (int part = 0; count > 0; part++) {
		int some = count < AT_ONCE ? count : AT_ONCE;
		/* Each ten are a request of their own. */
		char *name = mem_printf("%s-%d", token, part);
		json_t *reply = call(ecs, "RunTask", request(s, some, name), e);

		free(name);
		if (reply == NULL) {
			started->unanswered = e->kind == ERR_TRANSIENT ||
					      e->kind == ERR_CANCELLED;
			return err_wrap(e, "starting tasks");
		}
		take_answer(reply, known, started);
		json_decref(reply);
		count -= some;
	}
	return 0;
}
