/* SPDX-License-Identifier: MIT */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "base/buf.h"
#include "base/json.h"

struct metrics;
void metrics_free(struct metrics *list); /* accepts NULL */

/* Writes samples [[name, {label: value}, value], ...] in the text form of
 * Prometheus (version 0.0.4), each family with its help and type. Samples of
 * names that are not known are left out. */
void metrics_write(const json_t *samples, struct buf *b);

#endif
