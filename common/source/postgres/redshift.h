/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_REDSHIFT_H
#define SOURCE_POSTGRES_REDSHIFT_H

#include "source/postgres/config.h"
#include "source/postgres/session.h"

/*
 * A source of type Amazon Redshift. It speaks PostgreSQL's protocol but accepts
 * less (documentation: "Unsupported PostgreSQL features"): it has no COPY TO
 * STDOUT and no DISCARD, knows few settings, and makes a cursor of each
 * prepared statement, so every statement is a simple query here.
 */
struct redshift {
	struct session session;
	/* size of each column to shorten, else 0; NULL: none */
	unsigned char *floats;
	bool wrote; /* the job may have changed the session */
};

/* Implements UNLOAD, in redshift_unload.c. */
extern const struct source_unloading redshift_unloading;

#endif
