/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_SWEEP_H
#define PLACE_S3_SWEEP_H

#include "base/json.h"
#include "place/s3/place.h"

/*
 * Ends multipart uploads that killed processes have left, going by their record:
 * [{"place", "id", "at"}], `at` in seconds since 1970. One with an id is aborted,
 * wherever it has got to. One without an id (its process died before it heard
 * the answer to its Create) is looked for: an upload of exactly this key, begun
 * in the minutes of `at`, that holds no part, and that was left alone for
 * stale_ms. So an upload of anybody else's is never touched.
 *
 * Takes from the list what is done with. -1: something could not be ended, and
 * why.
 */
int s3_sweep(const struct s3_store *store, json_t *uploads, int64_t stale_ms,
    struct err *e);

#endif
