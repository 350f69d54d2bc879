/* SPDX-License-Identifier: MIT */
#include "place/s3/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/s3/scheme.h"

int s3_store(struct s3_store *store, struct services *services, struct err *e)
{
	const struct settings *set = services_settings(services);
	struct aws *aws = services_aws(services, "s3", e);

	if (aws == NULL)
		return -1;
	*store = (struct s3_store){.aws = aws,
	    .services = services,
	    .virtual_host =
		set->s3_addressing == S3_VIRTUAL_HOST ||
		(set->s3_addressing == S3_AUTO && set->s3_endpoint == NULL),
	    .part_size = set->s3_part_size,
	    .parts_in_flight = (int)set->s3_parts_in_flight,
	    .storage_class = set->s3_storage_class,
	    .sse = set->s3_sse,
	    .kms_key = set->s3_kms_key,
	    .acl = set->s3_acl};
	return 0;
}

/* The certificate for *.s3.amazonaws.com does not cover a bucket with a dot,
 * such as a.b.s3.amazonaws.com, so its name goes into the path. */
static bool in_host(const struct s3_store *store, const char *bucket)
{
	return store->virtual_host && strchr(bucket, '.') == NULL;
}

void s3_target(
    const struct s3_store *store, const char *place, struct s3_target *t)
{
	const char *bucket = place + S3_SCHEME_LEN;
	size_t len = strcspn(bucket, "/");

	*t = (struct s3_target){.bucket = mem_strndup(bucket, len)};
	if (in_host(store, t->bucket)) {
		t->host = mem_printf("%s.%s", t->bucket, aws_host(store->aws));
		t->path =
		    mem_printf("/%s", bucket + len + (bucket[len] == '/'));
		t->key = t->path + 1;
	} else {
		t->path = mem_printf("/%s", bucket);
		t->key = t->path + 1 + len + (bucket[len] == '/');
	}
}

void s3_target_free(struct s3_target *t)
{
	free(t->bucket);
	free(t->host);
	free(t->path);
	*t = (struct s3_target){0};
}
