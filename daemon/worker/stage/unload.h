/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_UNLOAD_H
#define WORKER_STAGE_UNLOAD_H

#include "worker/job.h"

/*
 * The option "unload": the source itself writes the result, as any number of
 * objects, below a prefix that no other run uses. The output of the report
 * is the manifest that names these objects. The manifest is made like any other
 * output, so readers see nothing until it is published.
 */

/* Says whether the job has the option. */
bool unload_asked(const struct job *job);

/* Checks before anything runs that source, settings and options allow the
 * unload. */
int unload_check(const struct job *job, struct err *e);

/* Runs the unload, compares the manifest with the objects, and writes the
 * manifest to the output's sink. */
int stage_unload(struct job *job, struct err *e);

/* Lets the objects stay, because the manifest is about to become visible. */
void unload_keep(struct job *job);
/* Removes the objects of a run that fails. */
void unload_drop(struct job *job);

#endif
