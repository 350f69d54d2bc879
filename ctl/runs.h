/* SPDX-License-Identifier: MIT */
#ifndef CTL_RUNS_H
#define CTL_RUNS_H

#include "ctl/lib/table.h"

/* The columns in which runs (runs.sql) are printed. */
extern const struct table_column runs_columns[];

#endif
