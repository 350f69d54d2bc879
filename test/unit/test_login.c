/* SPDX-License-Identifier: MIT */
#include "source/postgres/login.h"

#include "helper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "net/aws/secret.h"
#include "source/postgres/conninfo.h"

/* This test plays the services. */

static struct {
	struct secret secret;
	const char *reply; /* reply of IAM; NULL: AccessDenied */
	char asked[512];   /* purpose of the last call */
	int calls;
	bool fresh;
} aws;

static struct aws *reach_aws(void *arg, const char *service, struct err *e)
{
	(void)arg;
	(void)e;
	return (struct aws *)(uintptr_t)service;
}

static const struct source_reach reach = {.aws = reach_aws};

int __wrap_secret_get(struct aws *client, const char *arn, bool fresh,
    struct secret *secret, struct err *e);
int __wrap_secret_get(struct aws *client, const char *arn, bool fresh,
    struct secret *secret, struct err *e)
{
	const struct secret *s = &aws.secret;

	assert_string_equal((const char *)client, "secretsmanager");
	snprintf(aws.asked, sizeof(aws.asked), "%s", arn);
	aws.calls++;
	aws.fresh = fresh;
	if (aws.reply == NULL)
		return err_set(e, ERR_PERMANENT, "AccessDeniedException");
	*secret = (struct secret){
	    .username = s->username ? mem_strdup(s->username) : NULL,
	    .password = s->password ? mem_strdup(s->password) : NULL,
	    .host = s->host ? mem_strdup(s->host) : NULL,
	    .port = s->port ? mem_strdup(s->port) : NULL,
	    .dbname = s->dbname ? mem_strdup(s->dbname) : NULL};
	return 0;
}

void __wrap_secret_free(struct secret *s);
void __wrap_secret_free(struct secret *s)
{
	free(s->username);
	free(s->password);
	free(s->host);
	free(s->port);
	free(s->dbname);
}

char *__wrap_aws_query(struct aws *a, const char *version, const char *action,
    const struct sigv4_pair *arguments, int count, char code[static 64],
    struct err *e);
char *__wrap_aws_query(struct aws *a, const char *version, const char *action,
    const struct sigv4_pair *arguments, int count, char code[static 64],
    struct err *e)
{
	int n = snprintf(aws.asked, sizeof(aws.asked), "%s %s %s",
	    (const char *)a, version, action);

	for (int i = 0; i < count; i++)
		n += snprintf(aws.asked + n, sizeof(aws.asked) - (size_t)n,
		    " %s=%s", arguments[i].name, arguments[i].value);
	aws.calls++;
	if (aws.reply != NULL)
		return mem_strdup(aws.reply);
	snprintf(code, 64, "AccessDenied");
	err_set(e, ERR_PERMANENT, "not allowed");
	return NULL;
}

json_t *__wrap_aws_json(struct aws *a, const char *target, const char *version,
    const json_t *arguments, char code[static 64], struct err *e);
json_t *__wrap_aws_json(struct aws *a, const char *target, const char *version,
    const json_t *arguments, char code[static 64], struct err *e)
{
	char *text = json_dumps(arguments, JSON_SORT_KEYS | JSON_COMPACT);

	snprintf(aws.asked, sizeof(aws.asked), "%s %s %s %s", (const char *)a,
	    target, version, text);
	free(text);
	aws.calls++;
	if (aws.reply != NULL)
		return json_loads(aws.reply, 0, NULL);
	snprintf(code, 64, "AccessDeniedException");
	err_set(e, ERR_PERMANENT, "not allowed");
	return NULL;
}

static int start(void **state)
{
	memset(&aws, 0, sizeof(aws));
	aws.reply = "";
	*state = source_keep_open();
	return 0;
}

static int end(void **state)
{
	source_keep_close(*state);
	return 0;
}

static void assert_login(struct source_keep *keep, const struct login *l,
    bool fresh, const char *expected)
{
	struct err e;
	char *conninfo = login_conninfo(
	    &(struct source_how){.reach = &reach, .keep = keep}, l, fresh, &e);

	assert_non_null(conninfo);
	assert_string_equal(conninfo, expected);
	conninfo_free(conninfo);
}

static void assert_refused(
    struct source_keep *keep, const struct login *l, const char *text)
{
	struct err e;

	assert_null(login_conninfo(
	    &(struct source_how){.reach = &reach, .keep = keep}, l, false, &e));
	assert_non_null(strstr(e.text, text));
}

/* Makes a reply of the Query protocol whose credentials expire after this many
 * seconds. */
static char *xml(const char *password, int seconds)
{
	time_t ends = time(NULL) + seconds;
	char text[32];
	struct tm tm;

	gmtime_r(&ends, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
	return mem_printf("<GetClusterCredentialsResponse "
			  "xmlns=\"http://redshift.amazonaws.com/doc/"
			  "2012-12-01/\"><GetClusterCredentialsResult>"
			  "<DbUser>IAM:reader</DbUser><DbPassword>%s"
			  "</DbPassword><Expiration>%s</Expiration>"
			  "</GetClusterCredentialsResult>"
			  "</GetClusterCredentialsResponse>",
	    password, text);
}

static void without_services_the_string_stays(void **state)
{
	struct login l = {.conninfo = "host=h user=u"};

	assert_false(login_is_fetched(&l));
	assert_login(*state, &l, false, "host=h user=u");
	assert_int_equal(aws.calls, 0);
}

static void a_secret_has_user_and_password(void **state)
{
	struct login l = {.conninfo = "host=h user=old", .secret_arn = "arn:s"};

	aws.secret = (struct secret){.username = (char[]){"u"},
	    .password = (char[]){"it's \\ secret"},
	    .host = (char[]){"elsewhere"},
	    .port = (char[]){"5439"},
	    .dbname = (char[]){"d"}};
	assert_true(login_is_fetched(&l));
	assert_login(*state, &l, false,
	    "user='u' password='it\\'s \\\\ secret' dbname='d' host='h' "
	    "port='5439'");
	assert_string_equal(aws.asked, "arn:s");
	assert_false(aws.fresh);
	assert_login(*state, &l, true,
	    "user='u' password='it\\'s \\\\ secret' dbname='d' host='h' "
	    "port='5439'");
	assert_true(aws.fresh);
}

static void a_secret_may_be_a_password_alone(void **state)
{
	struct login l = {.conninfo = "host=h user=u", .secret_arn = "arn:s"};

	aws.secret = (struct secret){.password = (char[]){"p"}};
	assert_login(*state, &l, false, "user='u' password='p' host='h'");
	aws.secret = (struct secret){.username = (char[]){"u"}};
	assert_refused(*state, &l, "secret arn:s holds no password");
	aws.reply = NULL;
	assert_refused(*state, &l, "secret_arn: AccessDenied");
}

static void a_cluster_gives_credentials(void **state)
{
	struct login l = {.conninfo = "host=h port=5439 dbname=sales",
	    .cluster = "dwh",
	    .database_user = "reader"};
	char *reply = xml("a&amp;b", 3600);

	aws.reply = reply;
	assert_login(*state, &l, false,
	    "user='IAM:reader' password='a&b' dbname='sales' host='h' "
	    "port='5439'");
	assert_string_equal(aws.asked,
	    "redshift 2012-12-01 GetClusterCredentials ClusterIdentifier=dwh "
	    "DurationSeconds=3600 DbName=sales DbUser=reader");
	free(reply);
}

static void without_a_user_it_is_that_of_the_role(void **state)
{
	struct login l = {.conninfo = "host=h", .cluster = "dwh"};
	char *reply = xml("p", 3600);

	aws.reply = reply;
	assert_login(
	    *state, &l, false, "user='IAM:reader' password='p' host='h'");
	assert_string_equal(aws.asked,
	    "redshift 2012-12-01 GetClusterCredentialsWithIAM "
	    "ClusterIdentifier=dwh DurationSeconds=3600");
	free(reply);
}

static void credentials_are_kept_until_shortly_before_their_end(void **state)
{
	struct login one = {.conninfo = "host=h dbname=a", .cluster = "dwh"};
	struct login two = {.conninfo = "host=h dbname=b", .cluster = "dwh"};
	char *reply = xml("p", 3600), *brief = xml("q", 60);
	static const char a[] =
	    "user='IAM:reader' password='p' dbname='a' host='h'";

	aws.reply = reply;
	assert_login(*state, &one, false, a);
	assert_login(*state, &one, false, a);
	assert_int_equal(aws.calls, 1);
	assert_login(*state, &two, false,
	    "user='IAM:reader' password='p' dbname='b' host='h'");
	assert_int_equal(aws.calls, 2);
	aws.reply = brief;
	assert_login(*state, &one, true,
	    "user='IAM:reader' password='q' dbname='a' host='h'");
	assert_int_equal(aws.calls, 3);
	assert_login(*state, &one, false,
	    "user='IAM:reader' password='q' dbname='a' host='h'");
	assert_int_equal(aws.calls, 4);
	free(reply);
	free(brief);
}

static void a_workgroup_gives_credentials(void **state)
{
	struct login l = {.conninfo = "host=h dbname=sales", .workgroup = "wg"};
	char *reply = mem_printf("{\"dbUser\": \"IAMR:role\", \"dbPassword\": "
				 "\"p\", \"expiration\": %lld.5}",
	    (long long)time(NULL) + 3600);

	aws.reply = reply;
	for (int i = 0; i < 2; i++)
		assert_login(*state, &l, false,
		    "user='IAMR:role' password='p' dbname='sales' host='h'");
	assert_int_equal(aws.calls, 1);
	assert_string_equal(aws.asked,
	    "redshift-serverless RedshiftServerless.GetCredentials 1.1 "
	    "{\"dbName\":\"sales\",\"durationSeconds\":3600,"
	    "\"workgroupName\":\"wg\"}");
	free(reply);
}

static void what_iam_denies_names_the_action(void **state)
{
	struct login l = {.conninfo = "host=h", .cluster = "dwh"};

	aws.reply = NULL;
	assert_refused(*state, &l,
	    "cluster dwh: not allowed; hint: allow "
	    "redshift:GetClusterCredentialsWithIAM");
	l = (struct login){.conninfo = "host=h", .workgroup = "wg"};
	assert_refused(*state, &l,
	    "workgroup wg: not allowed; hint: allow "
	    "redshift-serverless:GetCredentials");
	aws.reply = "{}";
	assert_refused(*state, &l, "has no user and password");
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, start, end)
	const struct CMUnitTest tests[] = {
	    WITH(without_services_the_string_stays),
	    WITH(a_secret_has_user_and_password),
	    WITH(a_secret_may_be_a_password_alone),
	    WITH(a_cluster_gives_credentials),
	    WITH(without_a_user_it_is_that_of_the_role),
	    WITH(credentials_are_kept_until_shortly_before_their_end),
	    WITH(a_workgroup_gives_credentials),
	    WITH(what_iam_denies_names_the_action),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
