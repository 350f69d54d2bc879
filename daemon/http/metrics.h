/* SPDX-License-Identifier: MIT */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "base/buf.h"
#include "base/json.h"

/* Writes samples [[name, {label: value}, value], ...] in the text form of
 * Prometheus (version 0.0.4), each family with its help and type. Samples of
 * other names are left out. The first takes those of this process, the second
 * those of reportd.metrics(). */
void metrics_write_process(const json_t *samples, struct buf *b);
void metrics_write_queue(const json_t *samples, struct buf *b);

#endif
