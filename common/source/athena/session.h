/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_SESSION_H
#define SOURCE_ATHENA_SESSION_H

#include "source/athena/config.h"
#include "source/athena/csv.h"
#include "source/athena/pages.h"
#include "source/athena/rows.h"

/* The driver's session, for the files of the driver. */
struct athena {
	struct source base;
	const struct athena_config *config;
	struct aws *aws;
	struct source_reach reach;
	const struct watch *watch;
	char *says; /* see source_protection */
	/* of the job */
	char *label, *time_zone;
	int64_t timeout_ms;
	void (*started)(void *arg, const char *handle);
	void *arg;
	json_t *results; /* addresses to be removed; NULL: none */
	int64_t scanned; /* bytes that its statements have read */
	char *vague;     /* a column of arrays and the like; NULL: none */
	/* of the query */
	struct schema schema;
	struct rows rows;
	enum { READS_NOTHING, READS_CSV, READS_PAGES } reading;
	struct csv csv;
	struct pages pages;
};

static inline struct athena *as_athena(struct source *s)
{
	return (struct athena *)s;
}

/* Executes a statement to its end, see execution_run. */
json_t *athena_run(struct athena *a, const char *sql, struct err *e);

#endif
