/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_OPTION_H
#define PLACE_S3_OPTION_H

#include "base/err.h"
#include "base/json.h"
#include "base/option.h"

extern const struct option_owner s3_options;

/* Checks the rules that no single option can express, such as whether names and
 * values fit into headers. `options` are those under "s3"; NULL: none. */
int s3_check_options(const json_t *options, struct err *e);

#endif
