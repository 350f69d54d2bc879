/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_STORE_H
#define PLACE_S3_STORE_H

#include <stdbool.h>

#include "net/aws/aws.h"
#include "services/services.h"

/*
 * Where objects are kept, and how one of them is named in a request.
 */
struct s3_store {
	struct aws *aws;
	struct services *services; /* of aws */
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

/* As [s3] of the settings says; -1: AWS cannot be reached by what they say. It
 * is good for as long as the services are. */
int s3_store(struct s3_store *store, struct services *services, struct err *e);

/* For aws_request's host and path; of a place that was checked. */
void s3_target(
    const struct s3_store *store, const char *place, struct s3_target *t);
void s3_target_free(struct s3_target *t);

#endif
