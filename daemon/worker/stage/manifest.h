/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_MANIFEST_H
#define WORKER_STAGE_MANIFEST_H

#include "place/place.h"

/* Makes the manifest of Parquet files below a prefix, in the form of Redshift's:
 * each with its bytes and its rows, and the sums of both. Every file must be there,
 * and no other one. Returns NULL on error. */
json_t *manifest_make(const struct place_lent *lent, const struct watch *watch,
    const char *prefix, const json_t *files, struct err *e);
/* Returns the rows that a manifest tells; 0 for NULL. */
int64_t manifest_rows(const json_t *manifest);

#endif
