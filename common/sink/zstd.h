/* SPDX-License-Identifier: MIT */
#ifndef SINK_ZSTD_H
#define SINK_ZSTD_H

#include "sink/sink.h"

/*
 * A filter that makes one Zstandard frame (RFC 8878) with a checksum, at level
 * 1: on CSV and JSONL as fast as sink/gzip.h and a quarter smaller. Higher
 * levels gain nothing below 5, which is four times slower. The filter owns
 * next, even when opening fails.
 */
struct sink *zstd_open(struct sink *next, struct err *e);

#endif
