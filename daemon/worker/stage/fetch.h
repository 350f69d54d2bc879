/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_FETCH_H
#define WORKER_STAGE_FETCH_H

#include "worker/stage/stage.h"

/*
 * Looks at the files of the inputs before anything else runs, each in the very
 * version that was listed: whether they are whole, by format and name; and
 * copies them into a private folder for a source that reads files. A file that
 * was replaced, or is not whole, is set aside (outcome.aside), and the rest goes
 * on without it.
 */
extern const struct stage stage_fetch;

#endif
