/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_SERVE_H
#define SOURCE_DUCKDB_SERVE_H

#include "source/duckdb/engine.h"

/* The work of a reader: opens the database, then answers statements until the
 * job closes its side. Returns the status that the process ends with. */
int serve(int fd, const struct engine_options *o);

#endif
