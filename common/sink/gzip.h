/* SPDX-License-Identifier: MIT */
#ifndef SINK_GZIP_H
#define SINK_GZIP_H

#include "sink/sink.h"

/*
 * A filter that makes one gzip member (RFC 1952), without name and time, so
 * that the same bytes give the same file. It uses ISA-L at level 1: on CSV and
 * JSONL about 4 times faster than zlib at level 6, with output a tenth larger.
 * The filter owns next, even when opening fails.
 */
struct sink *gzip_open(struct sink *next, struct err *e);

#endif
