/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_RESULT_H
#define CTL_LIB_RESULT_H

#include "base/json.h"

/* Returns an output's URL in the form for people: a local file as its path,
 * quoted for the shell if necessary; any other URL unchanged. The caller frees
 * it. */
char *result_place(const char *url);

/* Sets "result" in each run of the array to its error_message, or else to its
 * outputs, output_url, result_row and remark. */
void result_fill(json_t *runs);

#endif
