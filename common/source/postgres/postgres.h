/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_POSTGRES_H
#define SOURCE_POSTGRES_POSTGRES_H

#include "source/driver.h"

/* PostgreSQL from version 13 on, and poolers before it. */
extern const struct source_driver source_postgres;

#endif
