/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/s3/place.h"

/* A certificate for *.s3.amazonaws.com does not stand for a.b.s3... */
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
