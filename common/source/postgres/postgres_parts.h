/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_POSTGRES_PARTS_H
#define SOURCE_POSTGRES_POSTGRES_PARTS_H

#include "source/postgres/session.h"
#include "source/postgres/types.h"

/* The parts that the files of the driver share: postgres.c has sessions and rows,
 * postgres_pass.c passes on the bytes of COPY. */
struct postgres {
	struct session session;
	struct types types;
	bool copying; /* the query's rows arrive by COPY */
	bool raw;     /* text is not converted to UTF-8 */
	int64_t rows; /* of the query so far */
	/* The query's columns, when the database has no encoding and text must
	 * be UTF-8; else NULL. */
	const struct schema *held;
	bool refused;      /* the server refuses the optional setting */
	bool set;          /* the session has SETTINGS, zone and timeout */
	char zone[64];     /* the session's time zone */
	int timeout;       /* the session's statement_timeout, ms */
	char job_zone[64]; /* the time zone that values are written in */
	bool checked;      /* settings were compared after this query */
	bool wrote;        /* the job may have changed the session */
	int64_t reset_ms;  /* boot clock at the last reset, ms */
};

extern const struct source_passing postgres_passing;

#endif
