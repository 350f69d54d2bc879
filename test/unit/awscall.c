/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "net/aws/secret.h"

/*
 * Makes one call with the network code, for tests that check it from outside:
 *
 *	awscall keys                             the access key and its end
 *	awscall json SERVICE TARGET VERSION JSON [TIMES]
 *	awscall query SERVICE VERSION ACTION [NAME VALUE]...
 *	awscall secret ARN...                    ! before an ARN: read anew
 *	awscall s3 METHOD PATH [BODY [TIMES]]
 *	awscall s3once METHOD PATH [BODY]        with `once`
 *	awscall presign PATH SECONDS
 *	awscall http METHOD URL [BODY]           status and body
 *	awscall guarded METHOD URL [BODY]
 *
 * AWSCALL_* variables stand for settings. Exit code 1 means that the call
 * failed; the error's kind and text are then on standard error.
 */
static const char *set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static int64_t number(const char *name)
{
	int64_t n = 0;

	return set(name) != NULL && str_to_i64(set(name), &n) == 0 ? n : 0;
}

static struct http_terms terms(void)
{
	return (struct http_terms){.proxy = set("AWSCALL_PROXY"),
	    .no_proxy = set("AWSCALL_NO_PROXY"),
	    .ca_file = set("AWSCALL_CA_FILE"),
	    .connect_ms = number("AWSCALL_CONNECT_MS"),
	    .silence_ms = number("AWSCALL_SILENCE_MS"),
	    .total_ms = number("AWSCALL_TOTAL_MS"),
	    .allow = set("AWSCALL_ALLOW")};
}

static struct credentials *credentials(struct http *http)
{
	return credentials_open(&(struct credentials_options){.http = http,
	    .profile = set("AWSCALL_PROFILE"),
	    .role_arn = set("AWSCALL_ROLE"),
	    .external_id = set("AWSCALL_EXTERNAL_ID"),
	    .sts_endpoint = set("AWSCALL_ENDPOINT"),
	    .terms = terms()});
}

static int say_keys(struct credentials *c, struct err *e)
{
	int64_t ends;
	const struct sigv4_key *key = credentials_get(c, &ends, e);

	if (key == NULL)
		return -1;
	printf("%s %" PRId64 "\n", key->access_key, ends);
	return 0;
}

static int call_json(struct aws *a, char **args, int count, struct err *e)
{
	int64_t times = 1;
	int rc = 0;

	if (count > 3)
		str_to_i64(args[3], &times);
	while (rc == 0 && times-- > 0) {
		json_t *arguments =
		    json_parse_object(args[2], strlen(args[2]), e);
		char code[64] = "";
		json_t *reply =
		    aws_json(a, args[0], args[1], arguments, code, e);

		rc = reply ? json_dumpf(reply, stdout, JSON_COMPACT) : -1;
		puts(code);
		json_decref(reply);
		json_decref(arguments);
	}
	return rc;
}

static int call_query(struct aws *a, char **args, int count, struct err *e)
{
	struct sigv4_pair pairs[32];
	char code[64] = "", *xml;
	int n = 0;

	for (int i = 2; i + 1 < count && n < 32; i += 2)
		pairs[n++] = (struct sigv4_pair){args[i], args[i + 1]};
	xml = aws_query(a, args[0], args[1], pairs, n, code, e);
	printf("%s%s\n", xml ? xml : "", code);
	free(xml);
	return xml ? 0 : -1;
}

static int say_secrets(struct aws *a, char **args, int count, struct err *e)
{
	for (int i = 0; i < count; i++) {
		struct secret s = {0};

		if (secret_get(
			a, args[i] + (*args[i] == '!'), *args[i] == '!', &s, e))
			return -1;
		printf("%s %s %s %s %s\n", s.username ? s.username : "-",
		    s.password ? s.password : "-", s.host ? s.host : "-",
		    s.port ? s.port : "-", s.dbname ? s.dbname : "-");
		secret_free(&s);
	}
	return 0;
}

static int call_s3(
    struct aws *a, char **args, int count, bool once, struct err *e)
{
	struct aws_answer answer;
	int64_t times = 1;
	int rc = 0;

	if (count > 3)
		str_to_i64(args[3], &times);
	while (rc == 0 && times-- > 0) {
		rc = aws_send(a,
		    &(struct aws_request){.method = args[0],
			.path = args[1],
			.body = count > 2 ? args[2] : NULL,
			.body_len = count > 2 ? strlen(args[2]) : 0,
			.once = once},
		    &answer, e);
		printf("%d %s %s\n", answer.http.status, answer.code,
		    rc == 0 && answer.http.body.data ? answer.http.body.data
						     : "");
		aws_answer_free(&answer);
	}
	return rc;
}

static int say_presigned(struct aws *a, char **args, struct err *e)
{
	int64_t seconds = 0, ends;
	char *url;

	str_to_i64(args[1], &seconds);
	url = aws_presign(a, NULL, args[0], NULL, 0, seconds, &ends, e);
	if (url != NULL)
		printf("%s %" PRId64 "\n", url, ends);
	free(url);
	return url ? 0 : -1;
}

static int call_http(
    struct http *h, char **args, int count, bool guarded, struct err *e)
{
	struct http_request r = {.method = args[0],
	    .url = args[1],
	    .body = count > 2 ? args[2] : NULL,
	    .body_len = count > 2 ? strlen(args[2]) : 0,
	    .redirects = (int)number("AWSCALL_REDIRECTS"),
	    .headers = (const char *const[]){"Authorization: of-this-host",
		"X-Empty: ", NULL},
	    .terms = terms()};
	struct http_reply reply;
	int rc;

	r.terms.guarded = guarded;
	rc = http_send(h, &r, &reply, e);
	if (rc == 0)
		printf("%d %s\n", reply.status,
		    reply.body.data ? reply.body.data : "");
	http_reply_free(&reply);
	return rc;
}

static int run(struct http *http, struct credentials *c, char **args, int count,
    struct err *e)
{
	const char *what = args[0];
	bool named = strcmp(what, "json") == 0 || strcmp(what, "query") == 0;
	struct aws *a = NULL;
	int rc;

	if (strcmp(what, "keys") == 0)
		return say_keys(c, e);
	if (strcmp(what, "http") == 0 || strcmp(what, "guarded") == 0)
		return call_http(http, args + 1, count - 1, *what == 'g', e);
	a = aws_open(
	    &(struct aws_options){.http = http,
		.credentials = c,
		.service = named                         ? args[1]
			   : strcmp(what, "secret") == 0 ? "secretsmanager"
							 : "s3",
		.region = set("AWS_REGION"),
		.endpoint = set("AWSCALL_ENDPOINT"),
		.tries = (int)number("AWSCALL_TRIES"),
		.terms = terms()},
	    e);
	if (a == NULL)
		return -1;
	if (strcmp(what, "json") == 0)
		rc = call_json(a, args + 2, count - 2, e);
	else if (strcmp(what, "query") == 0)
		rc = call_query(a, args + 2, count - 2, e);
	else if (strcmp(what, "secret") == 0)
		rc = say_secrets(a, args + 1, count - 1, e);
	else if (strcmp(what, "presign") == 0)
		rc = say_presigned(a, args + 1, e);
	else
		rc = call_s3(
		    a, args + 1, count - 1, strcmp(what, "s3once") == 0, e);
	aws_close(a);
	return rc;
}

int main(int argc, char **argv)
{
	struct http *http;
	struct credentials *c;
	struct err e;
	int rc;

	if (argc < 2)
		return 2;
	/* As in the daemon, a write to a broken connection must return an error
	 * instead of ending the process. */
	signal(SIGPIPE, SIG_IGN);
	http = http_open();
	c = credentials(http);
	rc = run(http, c, argv + 1, argc - 1, &e);
	if (rc != 0)
		fprintf(stderr, "%s: %s\n",
		    e.kind == ERR_PERMANENT ? "permanent" : "transient",
		    e.text);
	credentials_free(c);
	http_close(http);
	return rc == 0 ? 0 : 1;
}
