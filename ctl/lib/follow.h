/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_FOLLOW_H
#define CTL_LIB_FOLLOW_H

#include "ctl/ctl.h"

/* Listens for the ends of reports. Must be called before the report becomes
 * due, so that no end is missed. */
int follow_prepare(struct ctl *c, struct err *e);

/* Waits for the end of a report's request; request_id NULL: the current one.
 * Shows progress on a terminal, and prints the result. Returns 0 when the
 * report COMPLETED. */
int follow_report(struct ctl *c, const char *config_id, const char *request_id,
    struct err *e);

/* Waits for the end of a request and of all that follow it, and prints each as it
 * ends; ends as well when those that are left wait for one that has failed.
 * Returns 0 when all COMPLETED. */
int follow_cascade(struct ctl *c, const char *config_id, const char *request_id,
    struct err *e);

#endif
