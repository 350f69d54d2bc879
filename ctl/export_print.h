/* SPDX-License-Identifier: MIT */
#ifndef CTL_EXPORT_PRINT_H
#define CTL_EXPORT_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "export/export.h"

/* Prints where the outputs of `reportctl export` are and what is in them: text on
 * standard error or, with `json`, JSON on standard output, which moves to standard
 * error when the first output is there. */
void export_print(const struct export_plan *plan, int64_t rows, bool json);

#endif
