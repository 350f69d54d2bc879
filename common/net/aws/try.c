/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "net/aws/aws_error.h"
#include "net/aws/aws_parts.h"
#include "net/aws/endpoint.h"

/* Upper limit of the first wait in ms, doubled for each further wait. A random
 * part of it is waited, so that clients that failed at the same time do not
 * return at the same time. */
#define BACKOFF_MS 200
#define BACKOFF_THROTTLED_MS 1000
#define BACKOFF_MAX_MS 20000
/* A service that asks for a longer wait is called again only by the report's
 * next run. */
#define RETRY_AFTER_MAX_MS 60000
/* Seconds: services refuse a signature whose time is further from their own
 * clock. */
#define SKEW_S 240
#define HEAD_MAX ((size_t)1 << 20)
#define REDIRECTS 3

/* ---- a single try ---- */

static void end(struct aws_call *c, int rc)
{
	c->done = true;
	c->rc = rc;
}

/* Puts the call's service and operation in front of its error. */
static void name_call(struct aws_call *c)
{
	struct err *e = &c->error;

	if (c->request.operation != NULL)
		err_wrap(e, "%s %s", c->aws->service, c->request.operation);
	else
		err_wrap(e, "%s %s %s", c->aws->service, c->request.method,
		    c->request.path);
}

static struct sigv4_request to_sign(
    const struct aws *a, const struct aws_request *r)
{
	return (struct sigv4_request){.service = a->service,
	    .region = a->region,
	    .method = r->method,
	    .host = r->host ? r->host : a->host,
	    .path = r->path,
	    .query = r->query,
	    .query_count = r->query_count,
	    .headers = r->headers,
	    .header_count = r->header_count,
	    .payload_sha256 = r->payload_sha256,
	    .now = time(NULL) + a->skew_s,
	    .s3 = strcmp(a->service, "s3") == 0};
}

static struct http_call *send_signed(
    struct aws_call *c, const struct sigv4_request *s, const struct buf *lines)
{
	const char **headers =
	    mem_alloc(((size_t)c->request.header_count + 6) * sizeof(*headers));
	struct aws *a = c->aws;
	struct http_terms terms = a->terms;
	struct http_call *call;
	struct buf url;
	size_t n = 0;

	for (size_t at = 0; at < lines->len; at += strlen(lines->data + at) + 1)
		headers[n++] = lines->data + at;
	headers[n] = NULL;
	if (c->request.deadline_ms != 0) {
		int64_t left = c->request.deadline_ms - clock_boot_ms();

		left = left > 0 ? left : 1;
		if (terms.total_ms == 0 || left < terms.total_ms)
			terms.total_ms = left;
	}
	buf_init(&url, HEAD_MAX);
	buf_printf(&url, "%s%s", a->scheme, s->host);
	sigv4_target(s, &url);
	call = http_start(
	    a->http, &(struct http_request){.method = c->request.method,
			 .url = url.data,
			 .headers = headers,
			 .body = c->request.body,
			 .body_len = c->request.body_len,
			 .reply_max = c->request.reply_max,
			 .fresh = c->request.once,
			 .terms = terms});
	buf_free(&url);
	free(headers);
	return call;
}

void aws_call_try(struct aws_call *c)
{
	struct aws *a = c->aws;
	struct sigv4_request s = to_sign(a, &c->request);
	const struct sigv4_key *key;
	struct buf lines;
	int64_t ends;

	if (c->sent_on.region != NULL)
		s.region = c->sent_on.region;
	/* credentials_get waits and may move all calls, so this call must not
	 * start again meanwhile. */
	c->again_ms = INT64_MAX;
	key = credentials_get(a->credentials, &ends, &c->error);
	if (key == NULL) {
		name_call(c);
		end(c, -1);
		return;
	}
	c->tries++;
	c->signed_s = s.now;
	c->signed_ms = clock_boot_ms();
	free(c->access_key);
	c->access_key = mem_strdup(key->access_key);
	buf_init(&lines, HEAD_MAX);
	sigv4_sign(key, &s, &lines);
	c->http = send_signed(c, &s, &lines);
	buf_free(&lines);
}

char *aws_presign(struct aws *a, const char *host, const char *path,
    const struct sigv4_pair *query, int query_count, int64_t seconds,
    int64_t *ends, struct err *e)
{
	struct sigv4_request s =
	    to_sign(a, &(struct aws_request){.method = "GET",
			   .host = host,
			   .path = path,
			   .query = query,
			   .query_count = query_count,
			   .payload_sha256 = "UNSIGNED-PAYLOAD"});
	const struct sigv4_key *key;
	struct buf url;

	key = credentials_get(a->credentials, ends, e);
	if (key == NULL) {
		err_wrap(e, "%s", a->service);
		return NULL;
	}
	if (*ends == 0 || *ends > s.now + seconds)
		*ends = s.now + seconds;
	buf_init(&url, HEAD_MAX);
	buf_printf(&url, "%s%s", a->scheme, s.host);
	sigv4_presign(key, &s, *ends - s.now, &url);
	return url.data;
}

/* ---- the answer to a try ---- */

/* Schedules the next try. Returns false when no try is left, or when the
 * deadline would pass before it. */
static bool try_again(struct aws_call *c, int64_t first_ms, int64_t least_ms)
{
	int64_t limit = first_ms, wait, now = clock_boot_ms();

	if (c->tries >= c->aws->tries || least_ms > RETRY_AFTER_MAX_MS)
		return false;
	for (int i = 1; i < c->tries && limit < BACKOFF_MAX_MS; i++)
		limit *= 2;
	wait = least_ms +
	       random_below(limit < BACKOFF_MAX_MS ? limit : BACKOFF_MAX_MS);
	if (c->request.deadline_ms != 0 && now + wait >= c->request.deadline_ms)
		return false;
	c->again_ms = now + wait;
	return true;
}

/* Parallel calls find out at the same time that their keys have expired; only
 * the first one asks for new keys. */
static void refuse_keys(struct aws_call *c)
{
	struct credentials *all = c->aws->credentials;
	struct err unused;
	int64_t ends;
	const struct sigv4_key *now = credentials_get(all, &ends, &unused);

	if (now == NULL || strcmp(now->access_key, c->access_key) == 0)
		credentials_refuse(all);
}

/* Says whether the request was refused because it was signed with a wrong time: ours
 * was wrong, or was set while the call was under way. */
static bool is_skewed(const struct aws_call *c)
{
	int status = c->answer.http.status;
	time_t theirs = http_date(&c->answer.http);
	int64_t signed_s =
	    c->signed_s + (clock_boot_ms() - c->signed_ms) / 1000;

	return (status == 400 || status == 401 || status == 403) &&
	       theirs != 0 && llabs(theirs - signed_s) > SKEW_S;
}

/* Returns true when an immediate repeat can succeed: with fresh credentials, or
 * with the time of the service's clock. */
static bool mended(struct aws_call *c)
{
	struct aws *a = c->aws;

	if (!c->adjusted && is_skewed(c)) {
		a->skew_s = http_date(&c->answer.http) - time(NULL);
		return c->adjusted = true;
	}
	if (!c->refreshed && aws_error_expired(&c->answer)) {
		refuse_keys(c);
		return c->refreshed = true;
	}
	return false;
}

/* Adds the bucket's region to the error of S3. An answer with the region in a
 * header is left alone: callers that know the bucket read that header
 * themselves. */
static void name_region(struct aws_call *c, const struct aws_failure *f)
{
	char header[64];

	http_header(
	    &c->answer.http, "x-amz-bucket-region", header, sizeof(header));
	if (f->region != NULL && *header == '\0' &&
	    strcmp(f->region, c->aws->region) != 0 &&
	    strcmp(c->aws->service, "s3") == 0) {
		struct err said = c->error;

		err_set(&c->error, said.kind,
		    "%s; the bucket is in region %s: set region in [s3]",
		    said.text, f->region);
	}
}

static void refuse(
    struct aws_call *c, const struct aws_failure *f, bool transient)
{
	const struct aws_answer *a = &c->answer;

	err_set(&c->error, transient ? ERR_TRANSIENT : ERR_PERMANENT,
	    "HTTP %d%s%s%s%s (%s%s%s)", a->http.status, a->code[0] ? " " : "",
	    a->code, f->message[0] ? ": " : "", f->message,
	    c->request.host ? c->request.host : c->aws->host,
	    a->request_id[0] ? ", request " : "", a->request_id);
	name_call(c);
	name_region(c, f);
	end(c, -1);
}

static void copy_place(struct aws_redirect *to, const struct aws_redirect *from)
{
	aws_redirect_free(to);
	to->host = mem_strdup(from->host);
	to->path = mem_strdup(from->path);
	to->region = from->region ? mem_strdup(from->region) : NULL;
}

/* Sends later requests to the same host directly to the new place, unless the
 * bucket has moved between host and path. */
static void remember(
    struct aws *a, const char *host, const struct aws_redirect *to)
{
	free(a->moved_from);
	a->moved_from = mem_strdup(host);
	copy_place(&a->moved, to);
}

void aws_call_send_on(struct aws_call *c, const struct aws_redirect *to)
{
	copy_place(&c->sent_on, to);
	c->request.host = c->sent_on.host;
	c->request.path = c->sent_on.path;
}

/* Handles a redirect, which only S3 sends. Returns 1 when the request now goes
 * to the other endpoint, 0 when the answer is no redirect, -1 when its target
 * is not allowed. */
static int follow(struct aws_call *c)
{
	struct aws *a = c->aws;
	struct aws_place from = {.scheme = a->scheme,
	    .endpoint = a->host,
	    .host = c->request.host ? c->request.host : a->host,
	    .path = c->request.path,
	    .region = c->sent_on.region ? c->sent_on.region : a->region};
	struct aws_redirect to;
	int rc = 0;

	if (strcmp(a->service, "s3") == 0 && c->redirects < REDIRECTS)
		rc = aws_redirect_read(&c->answer, &from, &to, &c->error);
	if (rc != 1)
		return rc;
	if (strcmp(from.path, to.path) == 0)
		remember(a, from.host, &to);
	aws_call_send_on(c, &to);
	aws_redirect_free(&to);
	c->redirects++;
	c->again_ms = 0;
	return 1;
}

static void judge(struct aws_call *c)
{
	struct aws_answer *a = &c->answer;
	struct aws_failure f;
	bool throttled, server;
	int sent_on = follow(c);

	if (sent_on == 1)
		return;
	if (sent_on == -1) {
		name_call(c);
		end(c, -1);
		return;
	}

	if (a->http.status / 100 == 2) {
		end(c, 0);
		return;
	}
	aws_error_read(a, &f);
	throttled = aws_error_throttled(a);
	server = aws_error_server(a);
	c->again_ms = 0;
	if (!mended(c) &&
	    !((throttled || (server && !c->request.once)) &&
		try_again(c, throttled ? BACKOFF_THROTTLED_MS : BACKOFF_MS,
		    aws_error_retry_after(a, time(NULL)))))
		refuse(c, &f,
		    throttled || server || aws_error_expired(a) ||
			is_skewed(c));
	aws_failure_free(&f);
}

void aws_call_take_try(struct aws_call *c)
{
	int rc;

	aws_answer_free(&c->answer);
	c->answer = (struct aws_answer){0};
	rc = http_take(c->http, &c->answer.http, &c->error);
	c->http = NULL;
	if (rc == 0) {
		judge(c);
	} else if (c->error.kind != ERR_TRANSIENT ||
		   (c->request.once && c->answer.http.sent) ||
		   !try_again(c, BACKOFF_MS, 0)) {
		name_call(c);
		end(c, -1);
	}
}
