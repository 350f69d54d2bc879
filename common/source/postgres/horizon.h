/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_HORIZON_H
#define SOURCE_POSTGRES_HORIZON_H

#include "source/driver.h"

/* Begins the transactions that jobs read in: all queries of a job read one
 * snapshot. The message goes on with the job's settings. */
#define POSTGRES_BEGIN "begin isolation level repeatable read read only; "
/* Begins a message in such a transaction. It changes nothing there. By these two
 * postgres_horizon knows transactions that only read: a script cannot send a
 * message that begins so and goes on, because its statements go one by one. */
#define POSTGRES_READS "set transaction read only; "

/* Implements source_driver.horizon; see sql/source/horizon.sql. */
int postgres_horizon(
    struct source *s, struct source_moment *moment, struct err *e);

#endif
