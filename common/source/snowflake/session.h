/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_SESSION_H
#define SOURCE_SNOWFLAKE_SESSION_H

#include "source/driver.h"
#include "source/snowflake/result.h"

/* A source of type Snowflake. Each request is a session of its own there: nothing but
 * tables is left of a script for the queries after it. */
struct snowflake {
	struct source base;
	struct api api;
	struct result result;
	/* the job's session */
	struct job_session job;
	char *application_name, *time_zone;
};

/* Runs one statement in the job's session and opens its result, which the caller
 * closes. */
int snowflake_run(
    struct snowflake *s, const char *sql, struct schema *schema, struct err *e);

/* Appends the text within quotes: ' for a literal, in which a backslash begins an
 * escape, or " for an identifier. */
void snowflake_put_quoted(const char *text, char quote, struct buf *out);

/* Implements COPY INTO a stage, in unload.c. */
extern const struct source_unloading snowflake_unloading;

#endif
