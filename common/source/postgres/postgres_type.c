/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/postgres/config.h"
#include "source/postgres/conninfo.h"

#define KEY(kind, name, def, min, max, words, about)                       \
	{"", #name, T_##kind, offsetof(struct postgres_config, name), def, \
	    min, max, words, about},
static const struct key keys[] = {
#include "source/postgres/postgres.keys"
};

static const struct postgres_config *as_postgres(
    const struct source_config *config)
{
	return (const struct postgres_config *)config;
}

int postgres_check(const struct source_config *config, struct err *e)
{
	const char *conninfo = as_postgres(config)->conninfo;

	if (conninfo == NULL)
		return err_set(e, ERR_PERMANENT, "[%s.%s] conninfo is missing",
		    config->section, config->name);
	if (conninfo_check(conninfo, e) != 0)
		return err_wrap(
		    e, "[%s.%s] conninfo", config->section, config->name);
	return 0;
}

/* A connection string counts as secret when it contains a password. */
bool postgres_holds_secret(const char *key, const char *value)
{
	char *password = strcmp(key, "conninfo") == 0
			     ? conninfo_get(value, "password")
			     : mem_strdup(value);
	bool yes = password != NULL && *password != '\0';

	conninfo_free(password);
	return yes;
}

bool postgres_is_queue(
    const struct source_config *config, const struct source_queue *queue)
{
	const char *conninfo = as_postgres(config)->conninfo;

	return conninfo == NULL || (queue->conninfo != NULL &&
				       strcmp(conninfo, queue->conninfo) == 0);
}

static bool take_queue(
    struct source_config *config, const struct source_queue *queue)
{
	struct postgres_config *p = (struct postgres_config *)config;

	if (p->conninfo != NULL)
		return false;
	p->conninfo = mem_strdup(queue->conninfo);
	if (p->secret_arn == NULL)
		p->secret_arn = mem_strdup(queue->secret_arn);
	return true;
}

const char *postgres_mend(const struct source_config *config)
{
	if (as_postgres(config)->secret_arn != NULL)
		return "look at its conninfo (host, port, dbname), and that "
		       "the secret holds username and password; to read it "
		       "allow secretsmanager:GetSecretValue on it, and "
		       "kms:Decrypt on its key";
	return "look at its conninfo (host, port, user, dbname), the password "
	       "in ~/.pgpass and the server's pg_hba.conf, and for peer "
	       "authentication its pg_ident.conf";
}

const struct source_type source_type_postgres = {
    .name = "postgres",
    .product = "PostgreSQL",
    .abilities = SOURCE_SCRIPT | SOURCE_SNAPSHOT | SOURCE_HORIZON |
		 SOURCE_TARGET | SOURCE_INBOX,
    .size = sizeof(struct postgres_config),
    .keys = keys,
    .key_count = sizeof(keys) / sizeof(*keys),
    .check = postgres_check,
    .holds_secret = postgres_holds_secret,
    .take_queue = take_queue,
    .is_queue = postgres_is_queue,
    .mend = postgres_mend,
};
