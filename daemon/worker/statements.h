/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STATEMENTS_H
#define WORKER_STATEMENTS_H

#include "base/json.h"
#include "services/services.h"

/*
 * Statements that go on at a source without this process. Each stands in the
 * record of its job (place/record.h) while it runs, as {"source", "id", "at"}: the
 * source's name, the driver's handle, and the time when it was begun, in seconds
 * since 1970. A sweep ends those of processes that died.
 */

/* job_session.started; arg: struct job. */
void statements_started(void *arg, const char *handle);

/* Ends the statement of a record's entry. 0: it has ended; 1: its server does not know
 * it yet, for some minutes, because it may still be on its way there, and *wait_ms is
 * lowered to the time until it is to be asked for again; 2: the entry names no source,
 * or one that is not in `sources` (packed settings, by name), and another daemon
 * ends it; -1: it could not be ended; *e says why. */
int statements_sweep(struct services *services, const json_t *sources,
    const json_t *entry, int64_t *wait_ms, struct err *e);

#endif
