/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_SCHEME_H
#define PLACE_S3_SCHEME_H

#include "place/scheme.h"

/*
 * "s3://bucket/key", in plain bytes: nothing in it is escaped.
 */
#define S3_KEY_MAX 1024 /* bytes */
#define S3_SCHEME "s3://"
#define S3_SCHEME_LEN (sizeof(S3_SCHEME) - 1)

extern const struct place_scheme place_scheme_s3;

/* Checks whether the bucket's name is valid and all programs accept the key:
 * UTF-8 of at most 1024 bytes, without control characters and without empty,
 * `.` and `..` segments. */
int s3_place_check(const char *place, struct err *e);

#endif
