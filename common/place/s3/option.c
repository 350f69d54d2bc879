/* SPDX-License-Identifier: MIT */
#include "place/s3/option.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the user's metadata. S3 allows 2 KiB; the daemon's own metadata
 * needs the rest. */
#define METADATA_MAX 1024
#define TAGS_MAX 10
#define TAG_KEY_MAX 128
#define TAG_VALUE_MAX 256

static int check_text(const char *path, const char *text, struct err *e)
{
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7F)
			return err_set(e, ERR_PERMANENT,
			    "output_options: \"%s\" holds a control character",
			    path);
	}
	return 0;
}

static int check_tags(const json_t *tags, struct err *e)
{
	const char *key;
	json_t *value;

	if (json_object_size(tags) > TAGS_MAX)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"s3.tags\" has %zu tags; S3 takes %d",
		    json_object_size(tags), TAGS_MAX);
	json_object_foreach((json_t *)(uintptr_t)tags, key, value)
	{
		if (*key == '\0' || strlen(key) > TAG_KEY_MAX ||
		    json_string_length(value) > TAG_VALUE_MAX)
			return err_set(e, ERR_PERMANENT,
			    "output_options: \"s3.tags\": a tag's name has 1 "
			    "to %d bytes and its value at most %d",
			    TAG_KEY_MAX, TAG_VALUE_MAX);
		if (check_text("s3.tags", key, e) != 0 ||
		    check_text("s3.tags", json_string_value(value), e) != 0)
			return -1;
	}
	return 0;
}

static bool name_ok(const char *name)
{
	static const char *const ours[] = {"run-id", "report", "report-id",
	    "request-id", "scheduled-for", "rows", "sha256"};
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		if (strcmp(name, ours[i]) == 0)
			return false;
	}
	return *name != '\0' && name[strspn(name, letters)] == '\0';
}

static int check_metadata(const json_t *metadata, struct err *e)
{
	const char *name;
	size_t size = 0;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)metadata, name, value)
	{
		if (!name_ok(name))
			return err_set(e, ERR_PERMANENT,
			    "output_options: \"s3.metadata\": \"%s\" cannot be "
			    "a name: a-z, 0-9, - and _, and none of run-id, "
			    "report, report-id, request-id, scheduled-for, "
			    "rows, sha256",
			    name);
		if (check_text("s3.metadata", json_string_value(value), e) != 0)
			return -1;
		size += strlen(name) + json_string_length(value);
	}
	if (size > METADATA_MAX)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"s3.metadata\" has %zu bytes; at most %d "
		    "go with an object",
		    size, METADATA_MAX);
	return 0;
}

static const struct option_rule tag[] = {
    {"*", JSON_STRING, NULL, "a tag's value", NULL},
    OPTION_END,
};

static const struct option_rule metadata[] = {
    {"*", JSON_STRING, NULL, "what x-amz-meta-NAME says", NULL},
    OPTION_END,
};

static const struct option_rule inside[] = {
    {"storage_class", JSON_STRING, NULL,
	"such as STANDARD_IA; default: that of the settings, or the bucket's",
	NULL},
    {"sse", JSON_STRING, "AES256|aws:kms|aws:kms:dsse",
	"encryption at rest; default: that of the settings, or the bucket's",
	NULL},
    {"kms_key", JSON_STRING, NULL,
	"key of aws:kms; default: that of the settings, or the account's",
	NULL},
    {"acl", JSON_STRING,
	"private|public-read|public-read-write|authenticated-read|"
	"aws-exec-read|bucket-owner-read|bucket-owner-full-control",
	"default: that of the settings, or none", NULL},
    {"tags", JSON_OBJECT, NULL, "at most 10 tags", tag},
    {"metadata", JSON_OBJECT, NULL,
	"beside run-id, report, report-id, request-id, scheduled-for, rows and "
	"sha256",
	metadata},
    {"content_type", JSON_STRING, NULL,
	"default: that of the format and its compression", NULL},
    {"content_disposition", JSON_STRING, "inline|attachment",
	"whether a browser shows or saves it; default: HTML and PDF are shown",
	NULL},
    {"cache_control", JSON_STRING, NULL, "default: none", NULL},
    {"create_only", JSON_TRUE, NULL,
	"refuse to replace an object; default false", NULL},
    OPTION_END,
};

static const struct option_rule rules[] = {
    {"s3", JSON_OBJECT, NULL,
	"how an object is kept in S3; for an s3:// output_path", inside},
    OPTION_END,
};
const struct option_owner s3_options = {"s3", rules, NULL};

int s3_check_options(const json_t *o, struct err *e)
{
	static const char *const texts[] = {
	    "storage_class", "kms_key", "content_type", "cache_control"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char path[64];

		snprintf(path, sizeof(path), "s3.%s", texts[i]);
		if (check_text(path, json_str(o, texts[i], ""), e) != 0)
			return -1;
	}
	if (json_object_get(o, "kms_key") != NULL &&
	    strncmp(json_str(o, "sse", ""), "aws:kms", 7) != 0)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"s3.kms_key\" needs \"sse\": "
		    "\"aws:kms\"");
	return check_tags(json_object_get(o, "tags"), e) != 0
		   ? -1
		   : check_metadata(json_object_get(o, "metadata"), e);
}
