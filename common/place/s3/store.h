/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_STORE_H
#define PLACE_S3_STORE_H

#include <stdbool.h>

#include "net/aws/aws.h"
#include "services/services.h"

/*
 * The store that keeps the objects, and the way in which a request names one
 * object.
 */
struct s3_store {
	struct aws *aws;
	struct services *services; /* the services that own aws */
	bool virtual_host;         /* bucket.host instead of host/bucket */
	int64_t part_size;         /* size of the first parts, in bytes */
	int parts_in_flight;
	/* Defaults for objects whose own options set nothing; NULL: none. */
	const char *storage_class, *sse, *kms_key, *acl;
};

struct s3_target {
	char *bucket;
	const char *key; /* points into path */
	char *host;      /* NULL: the endpoint's */
	char *path;      /* not escaped */
};

/* Makes the store that [s3] of the settings describes; -1: the settings are not
 * enough to reach AWS. It is valid as long as the services are. */
int s3_store(struct s3_store *store, struct services *services, struct err *e);

/* Makes host and path for an aws_request. `place` is an address that was
 * checked. */
void s3_target(
    const struct s3_store *store, const char *place, struct s3_target *t);
void s3_target_free(struct s3_target *t);

#endif
