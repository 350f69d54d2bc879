/* SPDX-License-Identifier: MIT */
#include "worker/stage/load.h"

#include "worker/stage/export.h"

static bool wanted(const struct job *job)
{
	return job->asked.into != NULL;
}

static int prepare(struct job *job, struct err *e)
{
	(void)job;
	(void)e;
	return 0;
}

static int run(struct job *job, struct err *e)
{
	if (!job->outcome.unpublished)
		return 0;
	if (job->outcome.result != NULL)
		job->plan.result =
		    json_dumps(job->outcome.result, JSON_COMPACT);
	if (outputs_finish_locked(&job->plan, e) != 0)
		return -1;
	export_note_outputs(job);
	return 0;
}

const struct stage stage_load = {
    .name = "load",
    .wanted = wanted,
    .prepare = prepare,
    .run = run,
};
