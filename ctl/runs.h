/* SPDX-License-Identifier: MIT */
#ifndef CTL_RUNS_H
#define CTL_RUNS_H

#include "ctl/lib/table.h"

/* How runs (runs.sql) are shown. */
extern const struct table_column runs_columns[];

#endif
