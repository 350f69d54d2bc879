/* SPDX-License-Identifier: MIT */
#include "worker/stage/prep.h"

int stage_prep(struct job *job, struct err *e)
{
	return source_run_script(job->source, job->prep_sql.data, e);
}
