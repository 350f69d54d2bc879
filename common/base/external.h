/* SPDX-License-Identifier: MIT */
#ifndef BASE_EXTERNAL_H
#define BASE_EXTERNAL_H

#include "base/json.h"

/*
 * The form in which an external function of Snowflake calls a server: it sends
 * {"data": [[ROW, ARGUMENT...], ...]} and wants {"data": [[ROW, VALUE], ...]} with
 * status 200, ROW being a number. Source: docs.snowflake.com, "Remote service input
 * and output data formats".
 */

/* Takes the rows out of the body of a request; *rows is NULL when it has none, or
 * there is no body. Returns -1 when its "data" is something else, or has more than
 * 5000 rows. The caller releases *rows. */
int external_rows(const json_t *body, json_t **rows);

/* Returns the answer, which takes the value over: the value beside each row's
 * number, or the value alone when rows is NULL. */
json_t *external_answer(const json_t *rows, json_t *value);

#endif
