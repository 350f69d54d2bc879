/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/str.h"
#include "source/athena/config.h"

#define KEY(kind, name, def, min, max, words, about)                           \
	{"source", #name, T_##kind, offsetof(struct athena_config, name), def, \
	    min, max, words, about},
static const struct key keys[] = {
#include "source/athena/athena.keys"
};

static int refuse(const struct source_config *config, const char *key,
    const char *wanted, struct err *e)
{
	return err_set(e, ERR_PERMANENT, "[source.%s] %s: must be %s",
	    config->name, key, wanted);
}

static bool is_prefix(const char *address)
{
	const char *key;

	if (address == NULL)
		return true;
	if (strncmp(address, "s3://", 5) != 0 || str_has_control(address))
		return false;
	key = strchr(address + 5, '/');
	return key != NULL && key > address + 5 &&
	       address[strlen(address) - 1] == '/';
}

static bool is_account(const char *text)
{
	return text == NULL ||
	       (strlen(text) == 12 && strspn(text, "0123456789") == 12);
}

static bool is_workgroup(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	return text == NULL || (*text != '\0' && strlen(text) <= 128 &&
				   text[strspn(text, letters)] == '\0');
}

static int check(const struct source_config *config, struct err *e)
{
	const struct athena_config *a = (const struct athena_config *)config;

	if (!is_prefix(a->output_location))
		return refuse(config, "output_location",
		    "s3://bucket/prefix/, with the slash at its end", e);
	if (!is_prefix(a->unload_to))
		return refuse(config, "unload_to",
		    "s3://bucket/prefix/, with the slash at its end", e);
	if (!is_account(a->bucket_owner))
		return refuse(config, "bucket_owner",
		    "the 12 digits of an AWS account", e);
	if (!is_workgroup(a->workgroup))
		return refuse(config, "workgroup",
		    "up to 128 of a-z, A-Z, 0-9, dot, - and _", e);
	if ((a->kms_key != NULL || a->bucket_owner != NULL) &&
	    a->output_location == NULL)
		return refuse(config, a->kms_key ? "kms_key" : "bucket_owner",
		    "beside an output_location; without one the workgroup "
		    "says where results go and how they are encrypted",
		    e);
	if (a->reuse_results > 0 && a->reuse_results < MINUTE)
		return refuse(config, "reuse_results", "0, or 1min or more", e);
	return 0;
}

static const char *mend(const struct source_config *config)
{
	(void)config;
	return "look at its region, workgroup, database and output_location; "
	       "allow athena:StartQueryExecution, GetQueryExecution, "
	       "GetQueryResults and StopQueryExecution on the workgroup, "
	       "glue:GetDatabase, GetTable and GetPartitions, and "
	       "s3:PutObject, "
	       "GetObject, ListBucket and GetBucketLocation where results go";
}

/* Athena's text has no header and no row of its JSON is told from the next, so that
 * Parquet alone is what an export would be. */
static const struct source_unloads unloads[] = {
    {"PARQUET", "skip_if_empty, s3"},
    {NULL, NULL},
};

const struct source_type source_type_athena = {
    .name = "athena",
    .product = "Athena",
    .abilities = SOURCE_SCRIPT | SOURCE_UNLOAD,
    .size = sizeof(struct athena_config),
    .keys = keys,
    .key_count = sizeof(keys) / sizeof(*keys),
    .unloads = unloads,
    .check = check,
    .mend = mend,
};
