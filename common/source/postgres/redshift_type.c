/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/mem.h"
#include "source/postgres/config.h"

#define ROW(kind, name, member, def, min, max, words, about)                  \
	{"source", #name, T_##kind, offsetof(struct redshift_config, member), \
	    def, min, max, words, about},
static const struct key keys[] = {
#define KEY(kind, name, ...) ROW(kind, name, postgres.name, __VA_ARGS__)
#include "source/postgres/postgres.keys"
#undef KEY
#define KEY(kind, name, ...) ROW(kind, name, name, __VA_ARGS__)
#include "source/postgres/redshift.keys"
};

static const struct redshift_config *as_redshift(
    const struct source_config *config)
{
	return (const struct redshift_config *)config;
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
		    "[source.%s] has more than one of secret_arn, cluster and "
		    "workgroup; leave one of them",
		    config->name);
	if (r->database_user != NULL && r->cluster == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] database_user: needs cluster", config->name);
	if (r->unload_to != NULL &&
	    (strncmp(r->unload_to, "s3://", 5) != 0 || r->unload_role == NULL))
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] unload_to: must be s3://bucket/prefix/, with "
		    "unload_role beside it",
		    config->name);
	return 0;
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

const struct source_type source_type_redshift = {
    .name = "redshift",
    .product = "Redshift",
    .abilities = SOURCE_SCRIPT | SOURCE_SNAPSHOT | SOURCE_UNLOAD,
    .size = sizeof(struct redshift_config),
    .keys = keys,
    .key_count = sizeof(keys) / sizeof(*keys),
    .check = check,
    .holds_secret = postgres_holds_secret,
    .take_queue = take_queue,
    .is_queue = postgres_is_queue,
    .mend = mend,
};
