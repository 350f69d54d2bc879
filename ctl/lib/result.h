/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_RESULT_H
#define CTL_LIB_RESULT_H

#include "base/json.h"

/* How an output's URL is shown to people: a local file as the path to it, quoted for
 * the shell where it needs that; any other as it is. The caller frees it. */
char *result_place(const char *url);

/* Sets "result" in each run of the array, from its error_message, or else its
 * outputs, output_url and remark. */
void result_fill(json_t *runs);

#endif
