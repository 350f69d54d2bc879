/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/mem.h"
#include "source/postgres/config.h"

#define ROW(section, kind, name, member, def, min, max, words, about)        \
	{section, #name, T_##kind, offsetof(struct redshift_config, member), \
	    def, min, max, words, about},
static const struct key keys[] = {
#define KEY(kind, name, ...) ROW("", kind, name, postgres.name, __VA_ARGS__)
#include "source/postgres/postgres.keys"
#undef KEY
#define KEY(kind, name, ...) ROW("", kind, name, name, __VA_ARGS__)
#include "source/postgres/redshift.keys"
#undef KEY
#define KEY(kind, name, ...) ROW("source", kind, name, name, __VA_ARGS__)
#include "source/postgres/redshift_source.keys"
#undef KEY
#define KEY(kind, name, ...) ROW("target", kind, name, name, __VA_ARGS__)
#include "source/postgres/redshift_target.keys"
};

static const struct redshift_config *as_redshift(
    const struct source_config *config)
{
	return (const struct redshift_config *)config;
}

static bool is_prefix(const char *place)
{
	return place != NULL && strncmp(place, "s3://", 5) == 0;
}

static int check_source(const struct redshift_config *r, struct err *e)
{
	const char *name = r->postgres.base.name;

	if (r->unload_to != NULL &&
	    (!is_prefix(r->unload_to) || r->unload_role == NULL))
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] unload_to: must be s3://bucket/prefix/, with "
		    "unload_role beside it",
		    name);
	return 0;
}

static int check_target(const struct redshift_config *r, struct err *e)
{
	const char *name = r->postgres.base.name;

	if (!is_prefix(r->copy_from) || strchr(r->copy_from + 5, '/') == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[target.%s] copy_from: must be s3://bucket/prefix/, where "
		    "rows lie while Redshift reads them",
		    name);
	if (r->copy_role == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[target.%s] copy_role is missing: the role that Redshift "
		    "reads copy_from with; default is the cluster's own",
		    name);
	return 0;
}

static int check(const struct source_config *config, struct err *e)
{
	const struct redshift_config *r = as_redshift(config);

	if (postgres_check(config, e) != 0)
		return -1;
	if ((r->postgres.secret_arn != NULL) + (r->cluster != NULL) +
		(r->workgroup != NULL) >
	    1)
		return err_set(e, ERR_PERMANENT,
		    "[%s.%s] has more than one of secret_arn, cluster and "
		    "workgroup; leave one of them",
		    config->section, config->name);
	if (r->database_user != NULL && r->cluster == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[%s.%s] database_user: needs cluster", config->section,
		    config->name);
	return strcmp(config->section, "target") == 0 ? check_target(r, e)
						      : check_source(r, e);
}

static bool take_queue(
    struct source_config *config, const struct source_queue *queue)
{
	struct redshift_config *r = (struct redshift_config *)config;

	if (r->postgres.conninfo != NULL)
		return false;
	r->postgres.conninfo = mem_strdup(queue->conninfo);
	if (r->postgres.secret_arn == NULL && r->cluster == NULL &&
	    r->workgroup == NULL)
		r->postgres.secret_arn = mem_strdup(queue->secret_arn);
	return true;
}

static const char *mend(const struct source_config *config)
{
	const struct redshift_config *r = as_redshift(config);

	if (r->cluster != NULL && r->database_user != NULL)
		return "look at its conninfo (host, port, dbname); allow "
		       "redshift:GetClusterCredentials on the cluster's dbuser "
		       "and dbname";
	if (r->cluster != NULL)
		return "look at its conninfo (host, port, dbname); allow "
		       "redshift:GetClusterCredentialsWithIAM on the cluster's "
		       "dbname";
	if (r->workgroup != NULL)
		return "look at its conninfo (host, port, dbname); allow "
		       "redshift-serverless:GetCredentials on the workgroup";
	return postgres_mend(config);
}

static const struct source_unloads unloads[] = {
    {"CSV", "delimiter, header, null, compress, skip_if_empty, s3"},
    {"JSONL", "compress, skip_if_empty, s3"},
    {"PARQUET", "skip_if_empty, s3"},
    {NULL, NULL},
};

const struct source_type source_type_redshift = {
    .name = "redshift",
    .product = "Redshift",
    .abilities =
	SOURCE_SCRIPT | SOURCE_SNAPSHOT | SOURCE_UNLOAD | SOURCE_TARGET,
    .size = sizeof(struct redshift_config),
    .keys = keys,
    .key_count = sizeof(keys) / sizeof(*keys),
    .unloads = unloads,
    .check = check,
    .holds_secret = postgres_holds_secret,
    .take_queue = take_queue,
    .is_queue = postgres_is_queue,
    .mend = mend,
};
