/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_LIST_H
#define PLACE_S3_LIST_H

#include "place/s3/place.h"

/*
 * Objects that others have put into S3. A prefix is a place that ends in a slash.
 */
typedef int s3_each(void *arg, const char *key, int64_t size, struct err *e);

/* Calls for all objects below the prefix in the order of their keys; what it
 * returns other than 0 ends the list and is returned. */
int s3_list(const struct s3_store *store, const char *prefix, s3_each *each,
    void *arg, struct err *e);

/* The object's bytes, `most` at most; the caller frees the answer, also on
 * error: its code is NoSuchKey when there is none. */
int s3_get(const struct s3_store *store, const char *place, size_t most,
    struct aws_answer *answer, struct err *e);

/* Removes all objects below the prefix, whatever the watch says; no request
 * lasts beyond the deadline (boot clock). */
int s3_remove(const struct s3_store *store, const char *prefix,
    int64_t deadline_ms, struct err *e);

#endif
