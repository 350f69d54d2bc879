/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_PLACE_H
#define PLACE_S3_PLACE_H

#include <stdbool.h>

#include "base/watch.h"
#include "net/aws/aws.h"

/*
 * Where objects are kept, and how one of them is named in a request. A place is
 * written "s3://bucket/key", its bytes as they are: nothing in it is escaped.
 */
#define S3_KEY_MAX 1024 /* bytes */
#define S3_SCHEME "s3://"
#define S3_SCHEME_LEN (sizeof(S3_SCHEME) - 1)

struct s3_store {
	struct aws *aws;
	struct http *http;         /* of aws */
	const struct watch *watch; /* of http, see s3_open */
	bool virtual_host;         /* bucket.host instead of host/bucket */
	int64_t part_size;         /* of the first parts */
	int parts_in_flight;
	/* Of objects whose own options say nothing; NULL: nothing is said. */
	const char *storage_class, *sse, *kms_key, *acl;
};

struct s3_target {
	char *bucket;
	const char *key; /* within path */
	char *host;      /* NULL: the endpoint's */
	char *path;      /* not escaped */
};

bool s3_is_place(const char *text);

/* Whether the bucket is a name and the key one that all programs take: UTF-8 of
 * at most 1024 bytes without control characters and without empty, `.` and `..`
 * segments. */
int s3_place_check(const char *place, struct err *e);

/* For aws_request's host and path; of a place that was checked. */
void s3_target(
    const struct s3_store *store, const char *place, struct s3_target *t);
void s3_target_free(struct s3_target *t);

#endif
