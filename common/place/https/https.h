/* SPDX-License-Identifier: MIT */
#ifndef PLACE_HTTPS_HTTPS_H
#define PLACE_HTTPS_HTTPS_H

#include "place/place.h"

/*
 * Files of web servers, which are read only. A version of a file is its ETag, or
 * its time (Last-Modified) and length where it has none; a file without both, or
 * without a length, is no input.
 */
extern const struct place_type place_https;

/* The members of place_type, whose contracts are there. */
int https_scan(
    const struct place_lent *lent, struct place_scan *scan, struct err *e);
int https_pin(const struct place_lent *lent, const char *address,
    const char *version, struct place_reader **reader, struct err *e);
int https_read_at(struct place_reader *reader, int64_t from, char *to,
    size_t len, struct err *e);
void https_read_end(struct place_reader *reader);
int https_stream(
    const struct place_lent *lent, struct place_stream *stream, struct err *e);
void https_probe(const struct place_lent *lent, place_say *say, void *arg);

#endif
