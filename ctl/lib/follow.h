/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_FOLLOW_H
#define CTL_LIB_FOLLOW_H

#include "ctl/ctl.h"

/* To be called before the report becomes due, so that its end is heard. */
int follow_prepare(struct ctl *c, struct err *e);

/* Waits for the end of a request of a report, NULL for the one in hand; shows progress on a terminal; prints how it
 * ended. 0 when it COMPLETED. */
int follow_report(struct ctl *c, const char *config_id, const char *request_id,
    struct err *e);

#endif
