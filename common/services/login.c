/* SPDX-License-Identifier: MIT */
#include "services/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "net/aws/aws.h"
#include "net/aws/secret.h"
#include "source/postgres/conninfo.h"

/* What IAM gives out lasts from 15 minutes to an hour. A connection outlives
 * it; one that is made shortly before its end must still get through. */
#define IAM_SECONDS "3600"
#define IAM_EARLY 120
#define REDSHIFT_VERSION "2012-12-01"
#define SERVERLESS_VERSION "1.1"

struct iam {
	struct iam *next;
	char *key;
	char *user, *password;
	time_t until;
};

struct logins {
	struct iam *iam;
};

bool login_is_fetched(const struct login *l)
{
	return l->secret_arn != NULL || l->cluster != NULL ||
	       l->workgroup != NULL;
}

struct logins *logins_open(void)
{
	return mem_zalloc(sizeof(struct logins));
}

static void forget(struct iam *one)
{
	conninfo_free(one->password);
	free(one->user);
	free(one->key);
	free(one);
}

void logins_close(struct logins *all)
{
	struct iam *next;

	if (all == NULL)
		return;
	for (struct iam *one = all->iam; one != NULL; one = next) {
		next = one->next;
		forget(one);
	}
	free(all);
}

/* ---- a secret ---- */

static char *with_secret(
    struct services *services, const struct login *l, bool fresh, struct err *e)
{
	struct aws *aws = services_aws(services, "secretsmanager", e);
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

/* ---- IAM ---- */

static void say_action(
    const char *code, const char *action, const char *on, struct err *e)
{
	struct err said = *e;

	if (strncmp(code, "AccessDenied", 12) == 0)
		err_set(e, ERR_PERMANENT, "%s; hint: allow %s on %s", said.text,
		    action, on);
}

/* Seconds since 1970 of 2026-03-01T10:00:00Z; 0 when it cannot be read. */
static time_t read_time(const char *text)
{
	struct tm tm = {0};

	return text != NULL && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) != NULL
		   ? timegm(&tm)
		   : 0;
}

static int ask_cluster(struct services *services, const struct login *l,
    const char *dbname, struct iam *one, struct err *e)
{
	const char *action = l->database_user ? "GetClusterCredentials"
					      : "GetClusterCredentialsWithIAM";
	struct sigv4_pair arguments[4] = {{"ClusterIdentifier", l->cluster},
	    {"DurationSeconds", IAM_SECONDS}};
	struct aws *aws = services_aws(services, "redshift", e);
	char code[64] = "", *xml, *ends;
	size_t len;
	int n = 2;

	if (dbname != NULL)
		arguments[n++] = (struct sigv4_pair){"DbName", dbname};
	if (l->database_user != NULL)
		arguments[n++] =
		    (struct sigv4_pair){"DbUser", l->database_user};
	xml = aws ? aws_query(
			aws, REDSHIFT_VERSION, action, arguments, n, code, e)
		  : NULL;
	if (xml == NULL) {
		char *wanted = mem_printf("redshift:%s", action);

		say_action(code, wanted, "the dbuser and the dbname of it", e);
		free(wanted);
		return err_wrap(e, "cluster %s", l->cluster);
	}
	len = strlen(xml);
	one->user = aws_xml_text(xml, len, "DbUser");
	one->password = aws_xml_text(xml, len, "DbPassword");
	ends = aws_xml_text(xml, len, "Expiration");
	one->until = read_time(ends);
	free(ends);
	conninfo_free(xml);
	return 0;
}

static int ask_workgroup(struct services *services, const struct login *l,
    const char *dbname, struct iam *one, struct err *e)
{
	struct aws *aws = services_aws(services, "redshift-serverless", e);
	json_t *arguments =
	    json_pack("{ss si ss*}", "workgroupName", l->workgroup,
		"durationSeconds", atoi(IAM_SECONDS), "dbName", dbname);
	char code[64] = "";
	const char *user, *password;
	json_t *reply;

	reply = aws ? aws_json(aws, "RedshiftServerless.GetCredentials",
			  SERVERLESS_VERSION, arguments, code, e)
		    : NULL;
	json_decref(arguments);
	if (reply == NULL) {
		say_action(code, "redshift-serverless:GetCredentials", "it", e);
		return err_wrap(e, "workgroup %s", l->workgroup);
	}
	user = json_str(reply, "dbUser", NULL);
	password = json_str(reply, "dbPassword", NULL);
	one->user = user ? mem_strdup(user) : NULL;
	one->password = password ? mem_strdup(password) : NULL;
	one->until =
	    (time_t)json_number_value(json_object_get(reply, "expiration"));
	json_decref(reply);
	return 0;
}

static struct iam *ask(struct services *services, const struct login *l,
    const char *dbname, struct err *e)
{
	struct iam *one = mem_zalloc(sizeof(*one));
	int rc = l->cluster != NULL
		     ? ask_cluster(services, l, dbname, one, e)
		     : ask_workgroup(services, l, dbname, one, e);

	if (rc == 0 && one->user != NULL && one->password != NULL)
		return one;
	if (rc == 0)
		err_set(e, ERR_TRANSIENT,
		    "%s %s: the answer has no user and password",
		    l->cluster ? "cluster" : "workgroup",
		    l->cluster ? l->cluster : l->workgroup);
	forget(one);
	return NULL;
}

/* Those that were asked for before, or new ones. */
static const struct iam *iam_of(struct logins *all, struct services *services,
    const struct login *l, bool fresh, struct err *e)
{
	char *dbname = conninfo_get(l->conninfo, "dbname");
	char *key = mem_printf("%s\n%s\n%s\n%s", l->cluster ? l->cluster : "",
	    l->workgroup ? l->workgroup : "", dbname ? dbname : "",
	    l->database_user ? l->database_user : "");
	struct iam **at = &all->iam, *one;

	while (*at != NULL && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	one = *at;
	if (one != NULL && (fresh || time(NULL) + IAM_EARLY >= one->until)) {
		*at = one->next;
		forget(one);
		one = NULL;
	}
	if (one == NULL) {
		one = ask(services, l, dbname, e);
		if (one != NULL) {
			one->key = mem_strdup(key);
			one->next = all->iam;
			all->iam = one;
		}
	}
	free(dbname);
	free(key);
	return one;
}

static char *with_iam(struct logins *all, struct services *services,
    const struct login *l, bool fresh, struct err *e)
{
	const struct iam *one = iam_of(all, services, l, fresh, e);

	return one ? conninfo_merge(l->conninfo,
			 &(struct conninfo_login){
			     .user = one->user, .password = one->password},
			 e)
		   : NULL;
}

char *login_conninfo(struct logins *all, struct services *services,
    const struct login *l, bool fresh, struct err *e)
{
	if (l->secret_arn != NULL)
		return with_secret(services, l, fresh, e);
	if (l->cluster != NULL || l->workgroup != NULL)
		return with_iam(all, services, l, fresh, e);
	return mem_strdup(l->conninfo);
}

/* ---- connections ---- */

typedef void *connect_how(const char *type, const char *conninfo,
    const struct watch *watch, struct err *e);

static void *as_source(const char *type, const char *conninfo,
    const struct watch *watch, struct err *e)
{
	return source_connect(
	    &(struct source_options){type, conninfo}, watch, e);
}

static void *as_pg(const char *type, const char *conninfo,
    const struct watch *watch, struct err *e)
{
	(void)type;
	return pg_connect(conninfo, watch, e);
}

/* What is refused is fetched once more: it may have been changed. */
static void *log_in(connect_how *how, struct logins *all,
    struct services *services, const struct login *l, const struct watch *watch,
    struct err *e)
{
	bool fresh = false;

	if (!login_is_fetched(l))
		return how(l->type, l->conninfo, watch, e);
	for (;;) {
		char *conninfo = login_conninfo(all, services, l, fresh, e);
		void *made;

		if (conninfo == NULL)
			return NULL;
		made = how(l->type, conninfo, watch, e);
		conninfo_free(conninfo);
		if (made != NULL || fresh || !conninfo_refused(e->sqlstate))
			return made;
		fresh = true;
	}
}

struct source *login_source(struct logins *all, struct services *services,
    const struct login *l, const struct watch *watch, struct err *e)
{
	return log_in(as_source, all, services, l, watch, e);
}

struct pg *login_pg(struct logins *all, struct services *services,
    const struct login *l, const struct watch *watch, struct err *e)
{
	return log_in(as_pg, all, services, l, watch, e);
}
