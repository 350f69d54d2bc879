/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/s3/event.h"
#include "place/s3/s3.h"
#include "place/s3/scheme.h"
#include "place/s3/store.h"

/* With these values of "Canned ACL" in the documentation of S3, only the
 * bucket's owner and the writer can read the object. */
static int check_acl(const struct settings *set, const char *acl, struct err *e)
{
	static const char *const own[] = {
	    "private", "bucket-owner-read", "bucket-owner-full-control"};

	if (acl == NULL || set->s3_public_acls ||
	    (set->s3_acl != NULL && strcmp(acl, set->s3_acl) == 0))
		return 0;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		if (strcmp(acl, own[i]) == 0)
			return 0;
	}
	return err_set(e, ERR_PERMANENT,
	    "output_options: the acl \"%s\" lets others read the report; take "
	    "private, bucket-owner-read or bucket-owner-full-control, or write "
	    "public_acls = on in [s3] of the settings",
	    acl);
}

/* Says whether reports may use the bucket: it is one of [s3] buckets, or that of
 * `output`. */
static bool allows_bucket(const struct settings *set, const char *bucket)
{
	const char *own =
	    place_is(set->output, "s3") ? set->output + S3_SCHEME_LEN : "";
	size_t n = strcspn(own, "/");

	return settings_allows(set->s3_buckets, bucket) ||
	       (n > 0 && strlen(bucket) == n && memcmp(own, bucket, n) == 0);
}

static int allow(const struct place_lent *lent, const char *address,
    const json_t *options, struct err *e)
{
	const struct settings *set = services_settings(lent->services);
	const char *at = address + S3_SCHEME_LEN;
	char *bucket = mem_strndup(at, strcspn(at, "/"));
	bool allowed = allows_bucket(set, bucket);

	if (!allowed)
		err_set(e, ERR_PERMANENT,
		    "the settings do not allow bucket \"%s\"; add it to [s3] "
		    "buckets, which %s%s",
		    bucket, set->s3_buckets ? "is " : "is not set",
		    set->s3_buckets ? set->s3_buckets : "");
	free(bucket);
	return allowed ? check_acl(set, json_str(options, "acl", NULL), e) : -1;
}

static int allow_read(
    const struct place_lent *lent, const char *address, struct err *e)
{
	const struct settings *set = services_settings(lent->services);
	const char *at = address + S3_SCHEME_LEN;
	char *bucket = mem_strndup(at, strcspn(at, "/"));
	const char *list =
	    set->inputs_buckets ? set->inputs_buckets : set->s3_buckets;
	bool allowed = settings_allows(list, bucket);

	if (!allowed)
		err_set(e, ERR_PERMANENT,
		    "the settings do not allow to read bucket \"%s\"; add it "
		    "to [inputs] buckets",
		    bucket);
	free(bucket);
	return allowed ? 0 : -1;
}

static int link_to(const struct place_lent *lent, const char *address,
    int64_t seconds, char **url, int64_t *ends, struct err *e)
{
	struct s3_target target;
	struct s3_store store;

	if (s3_store(&store, lent->services, e) != 0)
		return err_wrap(e, "%s", address);
	s3_target(&store, address, &target);
	*url = aws_presign(
	    store.aws, target.host, target.path, NULL, 0, seconds, ends, e);
	s3_target_free(&target);
	return *url ? 0 : err_wrap(e, "a link to %s", address);
}

static int access_to(const struct place_lent *lent, const char *address,
    struct place_access *access, struct err *e)
{
	const struct settings *set = services_settings(lent->services);
	struct s3_store store;

	*access = (struct place_access){set->s3_region, set->s3_kms_key};
	return s3_store(&store, lent->services, e) == 0
		   ? 0
		   : err_wrap(e, "%s", address);
}

const struct place_type place_s3 = {
    .scheme = &place_scheme_s3,
    .allow = allow,
    .allow_read = allow_read,
    .open = s3_open,
    .read = s3_read,
    .read_at = s3_read_at,
    .read_end = s3_read_end,
    .pin = s3_pin,
    .list = s3_list,
    .scan = s3_scan,
    .move = s3_move,
    .remove = s3_remove,
    .link = link_to,
    .sweep = s3_sweep,
    .access = access_to,
    .probe = s3_probe,
    .heard = s3_heard,
};
