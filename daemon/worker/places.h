/* SPDX-License-Identifier: MIT */
#ifndef WORKER_PLACES_H
#define WORKER_PLACES_H

#include "worker/job.h"

/* Returns the value of a name that every job has, such as run_id, for :'run_id'
 * in SQL and {run_id} in output_path; NULL: it is no such name. */
const char *job_value(const struct job *job, const char *name);

/* Sets the output's place; `partition` may be NULL. Returns an error for a
 * place that the report's owner was not granted, or that the settings do not
 * allow. */
int job_find_place(struct job *job, struct export_output *output,
    const char *partition, struct err *e);
/* Sets the places of all outputs of the plan. */
int job_find_places(struct job *job, struct err *e);

#endif
