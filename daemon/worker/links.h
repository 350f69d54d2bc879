/* SPDX-License-Identifier: MIT */
#ifndef WORKER_LINKS_H
#define WORKER_LINKS_H

#include "worker/job.h"

/*
 * Parameters whose values are not those of the report: last__x and after__KEY__x
 * come with the job, made by reportd.linked() in SQL; the horizon is asked from
 * the source, once for a job, unless an earlier attempt has fixed it.
 */

/* Finds the value of one of these parameters. Returns 1 with *value, a JSON string
 * or null that the caller releases; 0 when the job has none of this name, and -1 on
 * error. */
int links_find(
    struct job *job, const char *name, json_t **value, struct err *e);

/* Says whether the job's SQL reads the value last__COLUMN: returns the first
 * COLUMN that is none of the keys of `row`; NULL: there is none. */
const char *links_missing(const struct job *job, const json_t *row);

#endif
