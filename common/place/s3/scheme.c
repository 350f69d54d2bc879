/* SPDX-License-Identifier: MIT */
#include "place/s3/scheme.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "place/s3/option.h"

/* https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
static bool bucket_ok(const char *name, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	if (len < 3 || len > 63 || strchr(letters, name[0]) == NULL ||
	    strchr(letters, name[len - 1]) == NULL)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (strchr(letters, name[i]) == NULL && name[i] != '-' &&
		    (name[i] != '.' || name[i + 1] == '.'))
			return false;
	}
	return true;
}

static int check_key(const char *place, const char *key, struct err *e)
{
	if (strlen(key) > S3_KEY_MAX)
		return err_set(e, ERR_PERMANENT,
		    "%.60s...: a key of S3 has at most %d bytes, this one "
		    "%zu",
		    place, S3_KEY_MAX, strlen(key));
	if (!str_is_utf8(key, strlen(key)))
		return err_set(
		    e, ERR_PERMANENT, "%s: the key is no UTF-8", place);
	for (const char *c = key; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7F)
			return err_set(e, ERR_PERMANENT,
			    "%s: the key holds a control character", place);
	}
	for (const char *s = key;; s++) {
		size_t n = strcspn(s, "/");

		if (n == 0 && s[n] == '\0')
			return err_set(
			    e, ERR_PERMANENT, "%s names no object", place);
		if (n == 0)
			return err_set(e, ERR_PERMANENT,
			    "%s: a segment of the key is empty", place);
		if ((n == 1 || n == 2) && strncmp(s, "..", n) == 0)
			return err_set(e, ERR_PERMANENT,
			    "%s: a segment of the key is \"%.*s\"", place,
			    (int)n, s);
		s += n;
		if (*s == '\0')
			return 0;
	}
}

int s3_place_check(const char *place, struct err *e)
{
	const char *bucket = place + S3_SCHEME_LEN;
	size_t len = strcspn(bucket, "/");

	if (!bucket_ok(bucket, len))
		return err_set(e, ERR_PERMANENT,
		    "%s: \"%.*s\" is not a bucket's name: 3 to 63 of a-z, "
		    "0-9, - and .",
		    place, (int)len, bucket);
	return check_key(place, bucket + len + (bucket[len] == '/'), e);
}

/* The bucket decides who may write, so it must be written literally: no value
 * of a template may name it. */
static int check_template(const char *text, struct err *e)
{
	const char *bucket = text + S3_SCHEME_LEN;

	if (strcspn(bucket, "{%") < strcspn(bucket, "/"))
		return err_set(e, ERR_PERMANENT,
		    "output_path \"%s\": the bucket must stand there as it "
		    "is, without {names} and %%codes",
		    text);
	return 0;
}

static char *resolve(const char *root, const char *text, struct err *e)
{
	(void)root;
	if (s3_place_check(text, e) == 0)
		return mem_strdup(text);
	err_wrap(e, "output_path");
	return NULL;
}

/* The plain prefix is compared as well, because str_path_within skips empty
 * segments, which a key may hold. */
static bool within(const char *root, const char *address, const char *prefix)
{
	(void)root;
	return strncmp(address, prefix, strlen(prefix)) == 0 &&
	       str_path_within(address, prefix);
}

static int check(const char *address, const json_t *options, struct err *e)
{
	return s3_place_check(address, e) != 0 ? -1
					       : s3_check_options(options, e);
}

const struct place_scheme place_scheme_s3 = {
    .name = "s3",
    .prefix = S3_SCHEME,
    .form = "s3://bucket/key",
    .url_prefix = "",
    .dots = true,
    .options = &s3_options,
    .check_template = check_template,
    .resolve = resolve,
    .within = within,
    .check = check,
};
