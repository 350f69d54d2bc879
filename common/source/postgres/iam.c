/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "net/aws/aws.h"
#include "source/postgres/conninfo.h"
#include "source/postgres/login.h"

/* The lifetime, in seconds, that is requested for credentials from IAM; IAM
 * allows 15 minutes to an hour. A connection outlives its credentials. */
#define IAM_SECONDS "3600"
#define REDSHIFT_VERSION "2012-12-01"
#define SERVERLESS_VERSION "1.1"

static void say_action(
    const char *code, const char *action, const char *on, struct err *e)
{
	struct err said = *e;

	if (strncmp(code, "AccessDenied", 12) == 0)
		err_set(e, ERR_PERMANENT, "%s; hint: allow %s on %s", said.text,
		    action, on);
}

static int ask_cluster(struct aws *aws, const struct login *l,
    const char *dbname, struct credential *c, struct err *e)
{
	const char *action = l->database_user ? "GetClusterCredentials"
					      : "GetClusterCredentialsWithIAM";
	struct sigv4_pair arguments[4] = {{"ClusterIdentifier", l->cluster},
	    {"DurationSeconds", IAM_SECONDS}};
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
	c->user = aws_xml_text(xml, len, "DbUser");
	c->password = aws_xml_text(xml, len, "DbPassword");
	ends = aws_xml_text(xml, len, "Expiration");
	c->until = aws_time(ends);
	free(ends);
	conninfo_free(xml);
	return 0;
}

static int ask_workgroup(struct aws *aws, const struct login *l,
    const char *dbname, struct credential *c, struct err *e)
{
	json_t *arguments =
	    json_pack("{ss si ss*}", "workgroupName", l->workgroup,
		"durationSeconds", atoi(IAM_SECONDS), "dbName", dbname);
	char code[64] = "";
	json_t *reply;

	reply = aws ? aws_json(aws, "RedshiftServerless.GetCredentials",
			  SERVERLESS_VERSION, arguments, code, e)
		    : NULL;
	json_decref(arguments);
	if (reply == NULL) {
		say_action(code, "redshift-serverless:GetCredentials", "it", e);
		return err_wrap(e, "workgroup %s", l->workgroup);
	}
	c->user = mem_strdup(json_str(reply, "dbUser", NULL));
	c->password = mem_strdup(json_str(reply, "dbPassword", NULL));
	c->until =
	    (time_t)json_number_value(json_object_get(reply, "expiration"));
	json_decref(reply);
	return 0;
}

int login_ask_iam(const struct source_reach *reach, const struct login *l,
    const char *dbname, struct credential *c, struct err *e)
{
	bool cluster = l->cluster != NULL;
	struct aws *aws = reach->aws(
	    reach->arg, cluster ? "redshift" : "redshift-serverless", e);

	if ((cluster ? ask_cluster(aws, l, dbname, c, e)
		     : ask_workgroup(aws, l, dbname, c, e)) != 0)
		return -1;
	if (c->user != NULL && c->password != NULL)
		return 0;
	credential_free(c);
	return err_set(e, ERR_TRANSIENT,
	    "%s %s: the answer has no user and password",
	    cluster ? "cluster" : "workgroup",
	    cluster ? l->cluster : l->workgroup);
}
