/* SPDX-License-Identifier: MIT */
#ifndef WORKER_VERDICT_H
#define WORKER_VERDICT_H

#include "worker/job.h"

/* Bytes of all samples of a run. */
#define VERDICT_SAMPLES ((size_t)64 << 10)
/* Bytes of one value in a sample; the rest is cut off. */
#define VERDICT_VALUE ((size_t)1000)

/*
 * The answers of a job's checks, and their consequences. The answers are in
 * outcome.checks, in the words of sql/queue/finish.sql and in the order in
 * which the checks were asked.
 */
struct answer {
	int64_t failures;
	int64_t total;  /* -1: not counted */
	char *message;  /* NULL: the numbers say all; verdict_add frees it */
	json_t *sample; /* rows that fail, or NULL; verdict_add releases it */
	bool unasked;   /* it could not be asked: `message` says why */
};

/* Adds the answer of a check. */
void verdict_add(struct job *job, const json_t *check, struct answer *answer);

/* Says whether an answer of severity error has failed so far. */
bool verdict_failed(const struct job *job);

/*
 * Decides after the last check: the score, and whether the job goes on. Returns
 * -1 with the checks that failed when it does not, and sets outcome.waits when
 * it would with those checks that may be asked again. Otherwise it adds what only
 * warns to the remark.
 */
int verdict_pass(struct job *job, struct err *e);

#endif
