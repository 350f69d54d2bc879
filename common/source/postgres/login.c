/* SPDX-License-Identifier: MIT */
#include "source/postgres/login.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/aws/secret.h"
#include "source/postgres/conninfo.h"

bool login_is_fetched(const struct login *l)
{
	return l->secret_arn != NULL || l->cluster != NULL ||
	       l->workgroup != NULL;
}

static char *with_secret(const struct source_reach *reach,
    const struct login *l, bool fresh, struct err *e)
{
	struct aws *aws = reach->aws(reach->arg, "secretsmanager", e);
	struct secret secret = {0};
	char *conninfo = NULL;

	if (aws == NULL ||
	    secret_get(aws, l->secret_arn, fresh, &secret, e) != 0) {
		err_wrap(e, "secret_arn");
		return NULL;
	}
	if (secret.password == NULL)
		err_set(e, ERR_PERMANENT,
		    "secret_arn: secret %s holds no password; it must be "
		    "{\"username\": ..., \"password\": ...} or the password "
		    "alone",
		    l->secret_arn);
	else
		conninfo = conninfo_merge(l->conninfo,
		    &(struct conninfo_login){.user = secret.username,
			.password = secret.password,
			.host = secret.host,
			.port = secret.port,
			.dbname = secret.dbname},
		    e);
	secret_free(&secret);
	return conninfo;
}

static const char *text(const char *s)
{
	return s ? s : "";
}

static char *with_iam(const struct source_how *how, const struct login *l,
    bool fresh, struct err *e)
{
	char *dbname = conninfo_get(l->conninfo, "dbname"), *conninfo = NULL;
	char *key = mem_printf("%s\n%s\n%s\n%s", text(l->cluster),
	    text(l->workgroup), text(dbname), text(l->database_user));
	const struct credential *kept =
	    fresh ? NULL : source_keep_get(how->keep, key);
	struct credential c = {.user = NULL};

	if (kept == NULL && login_ask_iam(how->reach, l, dbname, &c, e) == 0)
		kept = source_keep_put(how->keep, key, &c);
	if (kept != NULL)
		conninfo = conninfo_merge(l->conninfo,
		    &(struct conninfo_login){
			.user = kept->user, .password = kept->password},
		    e);
	free(dbname);
	free(key);
	return conninfo;
}

char *login_conninfo(const struct source_how *how, const struct login *l,
    bool fresh, struct err *e)
{
	if (l->secret_arn != NULL)
		return with_secret(how->reach, l, fresh, e);
	if (l->cluster != NULL || l->workgroup != NULL)
		return with_iam(how, l, fresh, e);
	return mem_strdup(l->conninfo);
}

struct pg *login_pg(const struct source_how *how, const struct login *l,
    login_connect *connect, struct err *e)
{
	bool fresh = false;

	if (!login_is_fetched(l))
		return connect(l->conninfo, how->watch, e);
	for (;;) {
		char *conninfo = login_conninfo(how, l, fresh, e);
		struct pg *made;

		if (conninfo == NULL)
			return NULL;
		made = connect(conninfo, how->watch, e);
		conninfo_free(conninfo);
		if (made != NULL || fresh || !conninfo_refused(e->sqlstate))
			return made;
		fresh = true;
	}
}
