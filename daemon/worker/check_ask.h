/* SPDX-License-Identifier: MIT */
#ifndef WORKER_CHECK_ASK_H
#define WORKER_CHECK_ASK_H

#include "worker/job.h"

/*
 * The checks of a job that are SQL, and the relations that they are about. The
 * server counts the rows that fail; the answers go into outcome.checks
 * (verdict.h).
 */
enum check_place {
	CHECK_FILES,  /* files of an input: check_files.c */
	CHECK_SOURCE, /* the source */
	CHECK_TARGET, /* the rows that are on their way into a table */
};

/* Says whether the job has checks of this place. */
bool checks_has(const struct job *job, enum check_place place);
/* Makes their statements; `from` as in check_sql_make. */
int checks_prepare(struct job *job, enum check_place place, struct source *from,
    struct err *e);
/* Asks them. The first one that cannot be asked ends the job: it is an error and
 * never a pass. */
int checks_ask(struct job *job, enum check_place place, struct source *from,
    struct err *e);
void checks_drop(struct job *job);

#endif
