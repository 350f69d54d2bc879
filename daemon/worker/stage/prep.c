/* SPDX-License-Identifier: MIT */
#include "worker/stage/prep.h"

#include "base/clock.h"
#include "worker/fill.h"

static bool wanted(const struct job *job)
{
	return job_has(job, "prep_sql");
}

static int prepare(struct job *job, struct err *e)
{
	return fill_member(job, "prep_sql", &job->asked.prep_sql, e) != 0
		   ? -1
		   : source_check(job->lent.source, SOURCE_SCRIPT, e);
}

static int run(struct job *job, struct err *e)
{
	if (source_run_script(job->lent.source, job->asked.prep_sql.data, e) !=
	    0)
		return -1;
	job->outcome.prep_ms = clock_boot_ms() - job->outcome.started_ms;
	return 0;
}

const struct stage stage_prep = {
    .name = "prep",
    .sql = "prep_sql",
    .writes = true,
    .wanted = wanted,
    .prepare = prepare,
    .run = run,
};
