/* SPDX-License-Identifier: MIT */
#include "worker/stage/check.h"

#include "worker/check_ask.h"
#include "worker/verdict.h"

static bool wanted(const struct job *job)
{
	return checks_has(job, CHECK_SOURCE);
}

/* Copies of files do not change, so checks and export see one state of the data
 * even when the source has no snapshots. */
static int check_abilities(const struct job *job, struct err *e)
{
	struct err unused;

	return !job_wants_snapshot(job) || source_check(job->lent.source,
					       SOURCE_FILES, &unused) == 0
		   ? 0
		   : source_check(job->lent.source, SOURCE_SNAPSHOT, e);
}

static int prepare(struct job *job, struct err *e)
{
	return check_abilities(job, e) != 0
		   ? -1
		   : checks_prepare(job, CHECK_SOURCE, job->lent.source, e);
}

static int run(struct job *job, struct err *e)
{
	if (checks_ask(job, CHECK_SOURCE, job->lent.source, e) != 0)
		return -1;
	return verdict_failed(job) || !checks_has(job, CHECK_TARGET)
		   ? verdict_pass(job, e)
		   : 0;
}

const struct stage stage_check = {
    .name = "check",
    .reads_only = true,
    .reads_apart = true,
    .wanted = wanted,
    .prepare = prepare,
    .run = run,
    .drop = checks_drop,
};
