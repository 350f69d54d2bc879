/* SPDX-License-Identifier: MIT */
#ifndef STAGE_FETCH_ANSWER_H
#define STAGE_FETCH_ANSWER_H

#include "worker/job.h"

/* Reads all pages of an input that is a JSON answer into a new file, which then
 * counts as the only file of the input. */
int fetch_answer(
    struct job *job, const json_t *input, const char *path, struct err *e);
/* Fills *e for a source that reads no files, and returns -1. */
int fetch_answer_refused(const json_t *input, struct err *e);

#endif
