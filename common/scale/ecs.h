/* SPDX-License-Identifier: MIT */
#ifndef SCALE_ECS_H
#define SCALE_ECS_H

#include "base/json.h"
#include "net/aws/aws.h"
#include "settings/settings.h"

/*
 * The tasks of Amazon ECS that run daemons: those of the family of [scale]
 * task_definition, whoever has started them.
 *
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/
 */
struct ecs_tasks {
	int starting; /* they do not run yet */
	int working;  /* they run */
	int young;    /* of these, they have begun less than a minute ago */
	json_t *arns; /* of all of them: {arn: true} */
};

/* Counts the tasks that are to run. The caller frees them, also on error. */
int ecs_count(struct aws *ecs, const struct settings *s,
    struct ecs_tasks *tasks, struct err *e);
void ecs_tasks_free(struct ecs_tasks *tasks);

struct ecs_started {
	int count; /* tasks that were not among `known` */
	/* texts that say why others were not started; the caller's array */
	json_t *failures;
	/* The service may have started tasks that it did not tell of. */
	bool unanswered;
};

/* Starts `count` tasks. The same token never starts them twice. Returns -1 when a
 * call was refused or not answered; tasks that ECS declines to start are failures
 * and no error. */
int ecs_start(struct aws *ecs, const struct settings *s, int count,
    const char *token, const json_t *known, struct ecs_started *started,
    struct err *e);

#endif
