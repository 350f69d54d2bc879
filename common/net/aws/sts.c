/* SPDX-License-Identifier: MIT */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/aws/aws.h"
#include "net/aws/aws_error.h"
#include "net/aws/endpoint.h"
#include "net/aws/provider.h"

/*
 * Assumes roles with the Security Token Service. This file cannot use
 * aws_send(), which needs credentials itself.
 *
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
#define VERSION "2011-06-15"
#define TRIES 4
#define PAUSE_MS 500
#define FORM_MAX ((size_t)64 << 10)

static void add(struct buf *form, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(form, "%s%s=", form->len ? "&" : "", name);
	http_escape(form, value, strlen(value), false);
}

static int write_form(const struct lookup *l, const struct role *role,
    struct buf *form, struct err *e)
{
	char *token = NULL;

	if (role->token_file != NULL) {
		token = read_token(role->token_file, e);
		if (token == NULL)
			return -1;
	}
	add(form, "Action", token ? "AssumeRoleWithWebIdentity" : "AssumeRole");
	add(form, "Version", VERSION);
	add(form, "RoleArn", role->arn);
	add(form, "RoleSessionName",
	    role->session_name ? role->session_name : l->session_name);
	add(form, "ExternalId", token ? NULL : role->external_id);
	add(form, "DurationSeconds", role->duration);
	add(form, "WebIdentityToken", token);
	free(token);
	return 0;
}

/* ---- one call ---- */

struct sts {
	char *scheme, *host;
	const char *region;
};

/* Finds the endpoint of STS; without a region, the global one. */
static int sts_open(const struct lookup *l, struct sts *s, struct err *e)
{
	const char *given = l->sts_endpoint;
	char *own = NULL;
	int rc;

	if (given == NULL)
		given = env_first("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL");
	*s = (struct sts){.region = l->region ? l->region : "us-east-1"};
	if (given == NULL && l->region != NULL)
		given = own = endpoint_of("sts", l->region);
	rc = endpoint_split(given ? given : "https://sts.amazonaws.com",
	    &s->scheme, &s->host, e);
	free(own);
	return rc;
}

static void sts_close(struct sts *s)
{
	free(s->scheme);
	free(s->host);
}

static void write_head(const struct sts *s, const struct lookup *l,
    const struct keys *k, const struct buf *form, struct buf *lines)
{
	struct sigv4_pair type = {
	    "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"};
	struct sigv4_key key = {k->access_key, k->secret_key, k->session_token};
	char sha256[SIGV4_HEX];

	if (k->access_key == NULL) {
		buf_printf(lines, "%s: %s", type.name, type.value);
		buf_char(lines, '\0');
		return;
	}
	sigv4_sha256(form->data, form->len, sha256);
	sigv4_sign(&key,
	    &(struct sigv4_request){.service = "sts",
		.region = s->region,
		.method = "POST",
		.host = s->host,
		.path = "/",
		.headers = &type,
		.header_count = 1,
		.payload_sha256 = sha256,
		.now = time(NULL) + l->skew_s},
	    lines);
}

static int send_form(const struct sts *s, const struct lookup *l,
    const struct keys *k, const struct buf *form, struct aws_answer *answer,
    struct err *e)
{
	const char *headers[8] = {NULL};
	char *url = mem_printf("%s%s/", s->scheme, s->host);
	struct buf lines;
	size_t n = 0;
	int rc;

	buf_init(&lines, FORM_MAX);
	write_head(s, l, k, form, &lines);
	for (size_t at = 0; at < lines.len; at += strlen(lines.data + at) + 1)
		headers[n++] = lines.data + at;
	rc = http_send(l->http,
	    &(struct http_request){.method = "POST",
		.url = url,
		.headers = headers,
		.body = form->data,
		.body_len = form->len,
		.terms = l->terms},
	    &answer->http, e);
	buf_free(&lines);
	free(url);
	return rc;
}

static int read_keys(const struct buf *xml, struct keys *k, struct err *e)
{
	struct keys fresh = {
	    .access_key = aws_xml_text(xml->data, xml->len, "AccessKeyId"),
	    .secret_key = aws_xml_text(xml->data, xml->len, "SecretAccessKey"),
	    .session_token = aws_xml_text(xml->data, xml->len, "SessionToken"),
	};
	char *ends = aws_xml_text(xml->data, xml->len, "Expiration");

	fresh.ends = aws_time(ends);
	free(ends);
	if (fresh.access_key == NULL || fresh.secret_key == NULL) {
		keys_free(&fresh);
		return err_set(
		    e, ERR_TRANSIENT, "the answer of STS holds no keys");
	}
	keys_free(k);
	*k = fresh;
	return 0;
}

/* Judges an answer: 0 with the keys, -1 on error, 1 when the same request
 * should be sent again. */
static int judge(
    struct lookup *l, struct aws_answer *a, struct keys *k, struct err *e)
{
	int64_t skew = l->skew_s;
	struct aws_failure f;
	bool again;

	lookup_clock(l, &a->http);
	if (a->http.status == 200)
		return read_keys(&a->http.body, k, e);
	aws_error_read(a, &f);
	again = aws_error_throttled(a) || aws_error_server(a) ||
		strcmp(a->code, "IDPCommunicationError") == 0;
	err_set(e, again ? ERR_TRANSIENT : ERR_PERMANENT, "HTTP %d %s: %s",
	    a->http.status, a->code, f.message);
	aws_failure_free(&f);
	/* A large change of the skew means that the signature had a wrong
	 * time. */
	return again || llabs(l->skew_s - skew) > 240 ? 1 : -1;
}

static int call(
    struct lookup *l, const struct buf *form, struct keys *k, struct err *e)
{
	struct sts s;
	int rc = sts_open(l, &s, e) == 0 ? 1 : -1;

	for (int tries = 0; rc == 1 && tries < TRIES; tries++) {
		struct aws_answer answer = {0};

		if (tries > 0 && http_step(l->http, PAUSE_MS << tries, e) != 0)
			rc = -1;
		else if (send_form(&s, l, k, form, &answer, e) == 0)
			rc = judge(l, &answer, k, e);
		else
			rc = e->kind == ERR_TRANSIENT ? 1 : -1;
		if (answer.http.body.data != NULL)
			OPENSSL_cleanse(
			    answer.http.body.data, answer.http.body.cap);
		aws_answer_free(&answer);
	}
	sts_close(&s);
	return rc == 0 ? 0 : -1;
}

int sts_assume(
    struct lookup *l, const struct role *role, struct keys *k, struct err *e)
{
	struct buf form;
	int rc;

	buf_init(&form, FORM_MAX);
	rc = write_form(l, role, &form, e);
	if (rc == 0)
		rc = call(l, &form, k, e);
	if (form.data != NULL)
		OPENSSL_cleanse(form.data, form.cap);
	buf_free(&form);
	return rc == 0 ? 0
		       : err_wrap(e, "sts %s %s",
			     role->token_file ? "AssumeRoleWithWebIdentity"
					      : "AssumeRole",
			     role->arn);
}

int provide_web_identity(struct lookup *l, struct keys *k, struct err *e)
{
	struct role role = {.arn = env_first("AWS_ROLE_ARN", NULL),
	    .session_name = env_first("AWS_ROLE_SESSION_NAME", NULL),
	    .token_file = env_first("AWS_WEB_IDENTITY_TOKEN_FILE", NULL)};

	if (role.token_file == NULL)
		return lookup_note(
		    l, "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set");
	if (role.arn == NULL)
		return err_set(e, ERR_PERMANENT,
		    "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is "
		    "not");
	return sts_assume(l, &role, k, e) == 0 ? 1 : -1;
}
