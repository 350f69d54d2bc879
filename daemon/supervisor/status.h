/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_STATUS_H
#define SUPERVISOR_STATUS_H

#include <stdbool.h>

/* The life of a report; sql/upgrade/013-checks.sql enforces the same table. */
bool status_may_become(const char *from, const char *to);

#endif
