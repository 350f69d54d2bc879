/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "net/aws/aws.h"
#include "net/aws/provider.h"
#include "net/http/guard.h"
#include "net/http/url.h"

/*
 * Credentials that a machine offers to its programs: the container endpoint
 * (ECS, EKS Pod Identity) and EC2's instance metadata, version 2 only (version
 * 1 answers anybody who can make the host send a GET).
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 *
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 */
#define CONTAINER_HOST "http://169.254.170.2"
#define INSTANCE_HOST "http://169.254.169.254"
#define INSTANCE_HOST_6 "http://[fd00:ec2::254]"
#define ROLES "/latest/meta-data/iam/security-credentials/"
#define TOKEN_SECONDS "21600"
/* Milliseconds: short, because the endpoint is on this machine or its host, or
 * does not exist. */
#define CONNECT_MS 1000
#define TOTAL_MS 5000
#define TRIES 3
#define PAUSE_MS 200

/* ---- for both kinds of endpoint ---- */

/* Reads {"AccessKeyId": ..., "SecretAccessKey": ..., "Token": ...,
 * "Expiration": ...}. */
static int read_keys(
    const struct buf *json, const char *from, struct keys *k, struct err *e)
{
	json_t *o =
	    json_parse_object(json->data ? json->data : "", json->len, e);
	const char *code, *id, *secret;
	int rc = 1;

	/* The error does not say what is wrong with the answer, because the
	 * text could repeat part of a key. */
	if (o == NULL)
		return err_set(
		    e, ERR_TRANSIENT, "%s: the answer is no JSON object", from);
	code = json_str(o, "Code", json_str(o, "code", "Success"));
	id = json_str(o, "AccessKeyId", NULL);
	secret = json_str(o, "SecretAccessKey", NULL);
	if (id == NULL || secret == NULL) {
		rc = err_set(e, ERR_TRANSIENT,
		    "%s: the answer holds no keys, but %s: %s", from, code,
		    json_str(o, "Message", json_str(o, "message", "")));
	} else {
		k->access_key = mem_strdup(id);
		k->secret_key = mem_strdup(secret);
		k->session_token = mem_strdup(json_str(o, "Token", NULL));
		k->ends = aws_time(json_str(o, "Expiration", NULL));
	}
	json_decref(o);
	return rc;
}

char *read_token(const char *path, struct err *e)
{
	char text[16384 + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int code = errno;

	if (fd >= 0)
		close(fd);
	if (n < 0) {
		err_errno(e, code, "token file %s", path);
		return NULL;
	}
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (*text == '\0') {
		err_set(e, ERR_TRANSIENT, "token file %s is empty", path);
		return NULL;
	}
	return mem_strdup(text);
}

static bool worth_another(int rc, const struct http_reply *r, struct err *e)
{
	if (rc != 0)
		return e->kind == ERR_TRANSIENT && r->sent;
	return r->status == 429 || r->status >= 500;
}

/* Sends a request without a proxy, and repeats it after a pause. The pause is
 * an http_step with no call of its own. */
static int ask(struct lookup *l, const char *method, const char *url,
    const char *header, struct http_reply *reply, struct err *e)
{
	const char *headers[] = {header, NULL};
	struct http_request r = {.method = method,
	    .url = url,
	    .headers = headers,
	    .terms = {.proxy = "",
		.ca_file = l->terms.ca_file,
		.connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS}};
	int rc;

	for (int tries = 1;; tries++) {
		rc = http_send(l->http, &r, reply, e);
		if (tries == TRIES || !worth_another(rc, reply, e))
			break;
		http_reply_free(reply);
		if (http_step(l->http, PAUSE_MS, e) != 0) {
			*reply = (struct http_reply){0};
			return -1;
		}
	}
	if (rc == 0)
		lookup_clock(l, reply);
	return rc;
}

/* A status of 4xx is transient here, too: a role may be attached later. */
static int refuse(const char *what, const struct http_reply *r, struct err *e)
{
	return err_set(e, ERR_TRANSIENT, "%s: HTTP %d", what, r->status);
}

static void wipe(struct http_reply *r)
{
	if (r->body.data != NULL)
		OPENSSL_cleanse(r->body.data, r->body.cap);
	http_reply_free(r);
}

/* ---- containers ---- */

/* Says whether the URL may be asked for keys: without TLS, only an address that
 * stays on the machine. */
static bool may_ask(const char *url)
{
	struct http_url u;
	struct err unused;

	if (url_parse(url, &u, &unused) != 0)
		return false;
	return u.tls || strcasecmp(u.host, "localhost") == 0 ||
	       guard_listed("127.0.0.0/8 ::1 169.254.170.2 169.254.170.23 "
			    "fd00:ec2::23",
		   u.host);
}

static char *container_url(void)
{
	const char *path =
	    env_first("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", NULL);
	const char *url = env_first("AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL);

	return path ? mem_printf(CONTAINER_HOST "%s", path) : mem_strdup(url);
}

/* Makes the header "Authorization: ..."; *header is NULL when no token is
 * set. */
static int container_header(char **header, struct err *e)
{
	const char *file =
	    env_first("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", NULL);
	const char *text = env_first("AWS_CONTAINER_AUTHORIZATION_TOKEN", NULL);
	char *token = file ? read_token(file, e) : mem_strdup(text);

	*header = NULL;
	if (token == NULL)
		return file ? -1 : 0;
	if (strpbrk(token, "\r\n") != NULL) {
		free(token);
		return err_set(e, ERR_PERMANENT,
		    "AWS_CONTAINER_AUTHORIZATION_TOKEN has a line end in it");
	}
	*header = mem_printf("Authorization: %s", token);
	free(token);
	return 0;
}

static int ask_container(
    struct lookup *l, const char *url, struct keys *k, struct err *e)
{
	struct http_reply reply;
	char *header;
	int rc;

	if (!may_ask(url))
		return err_set(e, ERR_PERMANENT,
		    "AWS_CONTAINER_CREDENTIALS_FULL_URI: without https its "
		    "host "
		    "must be this one or the container agent's");
	if (container_header(&header, e) != 0)
		return -1;
	rc = ask(l, "GET", url, header, &reply, e);
	if (rc == 0)
		rc = reply.status == 200
			 ? read_keys(&reply.body, "its endpoint", k, e)
			 : refuse("its endpoint", &reply, e);
	wipe(&reply);
	free(header);
	return rc;
}

int provide_container(struct lookup *l, struct keys *k, struct err *e)
{
	char *url = container_url();
	int rc;

	if (url == NULL)
		return lookup_note(l,
		    "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not "
		    "set");
	rc = ask_container(l, url, k, e);
	free(url);
	return rc < 0 ? err_wrap(e, "container") : rc;
}

/* ---- instances ---- */

static char *instance_host(void)
{
	const char *url = env_first("AWS_EC2_METADATA_SERVICE_ENDPOINT", NULL);
	const char *mode =
	    env_first("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", NULL);
	size_t len = url ? strlen(url) : 0;

	if (url == NULL)
		return mem_strdup(mode && strcasecmp(mode, "IPv6") == 0
				      ? INSTANCE_HOST_6
				      : INSTANCE_HOST);
	return mem_strndup(url, url[len - 1] == '/' ? len - 1 : len);
}

/* Returns the text at host + path, which the caller frees; NULL on error.
 * *status is 0 when no server answered. Frees url. */
static char *instance_text(struct lookup *l, const char *method, char *url,
    const char *header, int *status, struct err *e)
{
	struct http_reply reply;
	char *text = NULL;

	*status = 0;
	if (ask(l, method, url, header, &reply, e) == 0) {
		*status = reply.status;
		if (reply.status == 200)
			text =
			    mem_strdup(reply.body.data ? reply.body.data : "");
		else
			refuse("its metadata", &reply, e);
	}
	wipe(&reply);
	free(url);
	return text;
}

static int instance_keys(struct lookup *l, const char *host, const char *header,
    struct keys *k, struct err *e)
{
	char *role, *json = NULL;
	struct buf b;
	int status, rc = -1;

	role = instance_text(
	    l, "GET", mem_printf("%s%s", host, ROLES), header, &status, e);
	if (role == NULL && status == 404)
		return lookup_note(l, "EC2: the instance has no role");
	if (role != NULL) {
		role[strcspn(role, "\r\n")] = '\0';
		json = instance_text(l, "GET",
		    mem_printf("%s%s%s", host, ROLES, role), header, &status,
		    e);
	}
	if (json != NULL) {
		b = (struct buf){.data = json, .len = strlen(json)};
		rc = read_keys(&b, "its metadata", k, e);
		OPENSSL_cleanse(json, b.len);
	}
	free(json);
	free(role);
	return rc;
}

int provide_instance(struct lookup *l, struct keys *k, struct err *e)
{
	const char *off = env_first("AWS_EC2_METADATA_DISABLED", NULL);
	char *host, *token, *header;
	int status, rc = -1;

	if (off != NULL && strcasecmp(off, "true") == 0)
		return lookup_note(
		    l, "EC2: AWS_EC2_METADATA_DISABLED forbids it");
	host = instance_host();
	token = instance_text(l, "PUT", mem_printf("%s/latest/api/token", host),
	    "X-aws-ec2-metadata-token-ttl-seconds: " TOKEN_SECONDS, &status, e);
	/* Either no server answered, or a server that is not EC2's metadata. */
	if (token == NULL && status < 500 && e->kind != ERR_CANCELLED) {
		rc = lookup_note(l, "EC2: %s", e->text);
	} else if (token != NULL) {
		token[strcspn(token, "\r\n")] = '\0';
		header = mem_printf("X-aws-ec2-metadata-token: %s", token);
		rc = instance_keys(l, host, header, k, e);
		free(header);
	}
	free(token);
	free(host);
	return rc < 0 ? err_wrap(e, "EC2") : rc;
}
