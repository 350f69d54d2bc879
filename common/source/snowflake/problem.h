/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_PROBLEM_H
#define SOURCE_SNOWFLAKE_PROBLEM_H

#include "base/err.h"
#include "base/json.h"

/* Codes of Snowflake's that decide something. */
#define CODE_DONE "090001"
#define CODE_TOO_LARGE "391908"

/* Describes an answer of a status other than 200 and 202. `said`: its body;
 * NULL: no JSON. Returns -1. */
int problem_of_answer(int status, const json_t *said, struct err *e);

#endif
