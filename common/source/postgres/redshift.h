/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_REDSHIFT_H
#define SOURCE_POSTGRES_REDSHIFT_H

#include "source/postgres/config.h"
#include "source/postgres/session.h"

/*
 * Amazon Redshift. It speaks PostgreSQL's protocol and differs in what it takes
 * (documentation: "Unsupported PostgreSQL features"): it has no COPY TO STDOUT
 * and no DISCARD, knows few settings, and makes a cursor of each prepared
 * statement, so everything is a simple query here.
 */
struct redshift {
	struct session session;
	unsigned char *floats; /* columns to shorten: their size; NULL: none */
	bool wrote;            /* the job may have changed the session */
};

/* UNLOAD, in a file of its own. */
extern const struct source_unloading redshift_unloading;

#endif
