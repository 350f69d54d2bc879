/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_REDSHIFT_H
#define SOURCE_POSTGRES_REDSHIFT_H

#include "source/driver.h"

/*
 * Amazon Redshift. It speaks PostgreSQL's protocol and differs in what it takes
 * (documentation: "Unsupported PostgreSQL features"): it has no COPY TO STDOUT
 * and no DISCARD, knows few settings, and makes a cursor of each prepared
 * statement, so everything is a simple query here.
 */
extern const struct source_driver source_redshift;

#endif
