/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_FENCE_H
#define SOURCE_DUCKDB_FENCE_H

#include <stdbool.h>

#include "source/duckdb/config.h"
#include "source/source.h"

/* Says whether the kernel has Linux's Landlock. */
bool fence_is_there(void);

/* From now on this process reads only files below the folders of the settings
 * and those of the job's relations, and writes only below `scratch` (NULL:
 * nowhere). This is a second fence around DuckDB's own settings. A kernel
 * without Landlock has the first one alone; see `danger` of the driver. */
int fence_close(const struct duckdb_config *config,
    const struct job_session *session, const char *scratch, struct err *e);

#endif
