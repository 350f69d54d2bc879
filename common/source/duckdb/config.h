/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_CONFIG_H
#define SOURCE_DUCKDB_CONFIG_H

#include "source/type.h"

#define KEY(kind, name, ...) KEY_MEMBER_##kind name;

/* The settings of a source of type duckdb. */
struct duckdb_config {
	struct source_config base;
#include "source/duckdb/duckdb.keys"
};

#undef KEY

extern const struct source_type source_type_duckdb;
extern const struct source_driver source_duckdb;

/* Returns the next folder of a list that is separated by commas, without the
 * blanks around it, and moves *at past it; the caller frees it. NULL at the
 * end. */
char *duckdb_next_folder(const char **at);
/* Returns the first of the folders that is none, or that this user cannot reach;
 * the caller frees it. NULL: all are there. */
char *duckdb_missing_folder(const struct source_config *config);

#endif
