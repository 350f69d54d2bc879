/* SPDX-License-Identifier: MIT */
#include "export/outputs.h"
#include "worker/check_ask.h"
#include "worker/stage/check.h"
#include "worker/verdict.h"

static bool wanted(const struct job *job)
{
	return job->asked.into != NULL && checks_has(job, CHECK_TARGET);
}

/* Every target speaks the SQL of PostgreSQL. */
static int prepare(struct job *job, struct err *e)
{
	return checks_prepare(job, CHECK_TARGET, NULL, e);
}

/* Without files there are no rows, and the checks are not asked. */
static int run(struct job *job, struct err *e)
{
	struct source *staged;

	if (export_first(&job->plan) != NULL) {
		staged = outputs_staged(&job->plan, e);
		if (staged == NULL ||
		    checks_ask(job, CHECK_TARGET, staged, e) != 0)
			return -1;
		source_query_end(staged);
	} else {
		job->outcome.unstaged = true;
	}
	return verdict_pass(job, e);
}

const struct stage stage_check_target = {
    .name = "check",
    .wanted = wanted,
    .prepare = prepare,
    .run = run,
};
