/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_PARTITIONS_H
#define SOURCE_ATHENA_PARTITIONS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

/*
 * A statement of this program's own, which adds the folders of files to a table:
 *
 *	ALTER TABLE sales ADD IF NOT EXISTS PARTITIONS FROM :'after__KEY__outputs'
 *
 * The literal is a JSON array of objects with "url", or NULL. Partitions and their values
 * are those in the names of the folders, such as dt=2026-01-02/.
 */
bool partitions_is(const char *sql);

/* Returns the statements for Athena, an array of texts, which the caller releases;
 * NULL on error. Each folder is added once; without files there is no statement. */
json_t *partitions_statements(const char *sql, struct err *e);

#endif
