/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "source/snowflake/config.h"

#define KEY(kind, name, def, min, max, words, about)                         \
	{"source", #name, T_##kind, offsetof(struct snowflake_config, name), \
	    def, min, max, words, about},
static const struct key keys[] = {
#include "source/snowflake/snowflake.keys"
};

static const struct snowflake_config *as_snowflake(
    const struct source_config *config)
{
	return (const struct snowflake_config *)config;
}

/* A token must not travel in clear to another host. */
static bool is_safe(const char *endpoint)
{
	static const char *const here[] = {
	    "http://127.0.0.1:", "http://localhost:", "http://[::1]:"};

	if (strncmp(endpoint, "https://", 8) == 0)
		return true;
	for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++) {
		if (strncmp(endpoint, here[i], strlen(here[i])) == 0)
			return true;
	}
	return false;
}

static int check_endpoint(const struct snowflake_config *s, struct err *e)
{
	const char *host;

	if (s->endpoint == NULL)
		return 0;
	if (!is_safe(s->endpoint))
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] endpoint: must be https://HOST", s->base.name);
	host = strstr(s->endpoint, "://") + 3;
	if (*host == '\0' || strpbrk(host, "/?#@ ") != NULL)
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] endpoint: must be https://HOST and no more, "
		    "without a path",
		    s->base.name);
	return 0;
}

static int check_stage(const struct snowflake_config *s, struct err *e)
{
	if ((s->unload_to == NULL) != (s->unload_stage == NULL) ||
	    (s->unload_to != NULL && strncmp(s->unload_to, "s3://", 5) != 0))
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] unload_to: must be s3://bucket/prefix/, the "
		    "place of the stage that unload_stage names; both or none",
		    s->base.name);
	return 0;
}

static int check(const struct source_config *config, struct err *e)
{
	const struct snowflake_config *s = as_snowflake(config);
	int ways = (s->private_key_file != NULL) + (s->token_file != NULL) +
		   (s->secret_arn != NULL) + (int)s->workload_identity;

	if (ways != 1)
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] needs one of private_key_file, token_file, "
		    "secret_arn and workload_identity, and has %d of them",
		    config->name, ways);
	if (s->private_key_file != NULL && s->user == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] private_key_file: needs user", config->name);
	if (s->account == NULL && s->secret_arn == NULL &&
	    (s->endpoint == NULL || s->private_key_file != NULL))
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] account is missing", config->name);
	return check_endpoint(s, e) != 0 ? -1 : check_stage(s, e);
}

static const char *mend(const struct source_config *config)
{
	const struct snowflake_config *s = as_snowflake(config);

	if (s->private_key_file != NULL)
		return "look at its account, user and role; the user's "
		       "RSA_PUBLIC_KEY_FP (DESCRIBE USER) must be the "
		       "fingerprint of private_key_file, and a network policy "
		       "must let this host in";
	if (s->secret_arn != NULL)
		return "the secret must hold account, user and private_key, or "
		       "account and token; to read it allow "
		       "secretsmanager:GetSecretValue on it, and kms:Decrypt "
		       "on "
		       "its key";
	if (s->workload_identity)
		return "allow sts:GetWebIdentityToken to this host's role, "
		       "enable outbound identity federation in the AWS "
		       "account, "
		       "and CREATE USER ... WORKLOAD_IDENTITY = (TYPE = AWS "
		       "ARN = '...')";
	return "look at its account and token_type, and whether the token in "
	       "token_file has ended or its user lacks a network policy";
}

static const struct source_unloads unloads[] = {
    {"CSV", "delimiter, header, null, compress, skip_if_empty, s3"},
    {"JSONL", "compress, skip_if_empty, s3"},
    {"PARQUET", "skip_if_empty, s3"},
    {NULL, NULL},
};

const struct source_type source_type_snowflake = {
    .name = "snowflake",
    .product = "Snowflake",
    .abilities = SOURCE_SCRIPT | SOURCE_UNLOAD | SOURCE_INBOX,
    .size = sizeof(struct snowflake_config),
    .keys = keys,
    .key_count = sizeof(keys) / sizeof(*keys),
    .unloads = unloads,
    .check = check,
    .mend = mend,
};
