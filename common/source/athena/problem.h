/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_PROBLEM_H
#define SOURCE_ATHENA_PROBLEM_H

#include "base/err.h"
#include "base/json.h"

/* Fills *e from the state of a statement that has FAILED or was CANCELLED, and
 * returns -1. */
int problem_of_execution(const json_t *execution, struct err *e);

/* Adds an SQLSTATE and the permission that is missing to the error of a call that
 * Athena has refused with this code. */
void problem_of_call(const char *operation, const char *code, struct err *e);

#endif
