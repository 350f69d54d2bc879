/* SPDX-License-Identifier: MIT */
#ifndef CTL_FOLLOW_H
#define CTL_FOLLOW_H

#include "ctl/ctl.h"

/* Waits for the end of a report on a connection that listens (listen.sql) since
 * before the report became due; shows progress on a terminal; prints how it
 * ended. 0 when it COMPLETED. */
int follow_report(struct ctl *c, const char *config_id, struct err *e);

#endif
