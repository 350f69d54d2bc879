/* SPDX-License-Identifier: MIT */
#ifndef CTL_SCALE_H
#define CTL_SCALE_H

#include "ctl/ctl.h"

/* Decides once; returns the answer, see scale/scale.h, and writes its metrics
 * where the settings say so. Connects to the queue when there is no connection. */
json_t *ctl_scale(struct ctl *c, bool dry_run, struct err *e);
/* Says whether tasks are missing and none could be started. */
bool ctl_scale_failed(const json_t *answer);

/* Serves invocations of AWS Lambda, at host:port of its runtime interface, until
 * Lambda ends the process; returns -1 when the interface fails. */
int ctl_scale_serve(struct ctl *c, const char *runtime, struct err *e);

#endif
