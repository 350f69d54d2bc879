/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_UNLOAD_H
#define WORKER_STAGE_UNLOAD_H

#include "worker/job.h"

/*
 * The option "unload": Redshift itself writes the result into S3, as many
 * objects as it likes, below a prefix that no other run has. The report's output
 * is the manifest that names them: it comes about as any output does, so that
 * nothing is there for its readers until it is published.
 */
bool unload_asked(const struct job *job);

/* Whether source, settings and options allow it; before anything runs. */
int unload_check(const struct job *job, struct err *e);

/* Runs it, holds the manifest against what lies in S3, and writes it to the
 * output's sink. */
int stage_unload(struct job *job, struct err *e);

/* The manifest is about to be visible: the objects stay. */
void unload_keep(struct job *job);
/* Removes the objects of a run that comes to nothing. */
void unload_drop(struct job *job);

#endif
