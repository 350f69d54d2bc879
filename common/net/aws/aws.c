/* SPDX-License-Identifier: MIT */
#include "net/aws/aws_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/aws/aws_error.h"
#include "net/aws/endpoint.h"

#define TRIES 5
#define WAIT_MS 1000

struct aws *aws_open(const struct aws_options *o, struct err *e)
{
	struct aws *a = mem_zalloc(sizeof(*a));
	char *own = NULL;

	a->http = o->http;
	a->credentials = o->credentials;
	a->service = mem_strdup(o->service);
	a->region = mem_strdup(o->region);
	a->terms = o->terms;
	a->tries = o->tries > 0 ? o->tries : TRIES;
	if (a->region == NULL) {
		err_set(e, ERR_PERMANENT,
		    "%s: no AWS region; set region in [aws], or AWS_REGION",
		    o->service);
		aws_close(a);
		return NULL;
	}
	if (o->endpoint == NULL)
		own = endpoint_of(a->service, a->region);
	if (endpoint_split(own ? own : o->endpoint, &a->scheme, &a->host, e) !=
	    0) {
		err_wrap(e, "%s", o->service);
		aws_close(a);
		a = NULL;
	}
	free(own);
	return a;
}

void aws_close(struct aws *a)
{
	if (a == NULL)
		return;
	while (a->calls != NULL)
		aws_drop(a->calls);
	if (a->beside != NULL)
		a->release(a->beside);
	free(a->service);
	free(a->region);
	free(a->scheme);
	free(a->host);
	free(a->moved_from);
	aws_redirect_free(&a->moved);
	free(a);
}

const char *aws_host(const struct aws *a)
{
	return a->host;
}

bool aws_is_tls(const struct aws *a)
{
	return strcmp(a->scheme, "https://") == 0;
}

void **aws_beside(struct aws *a, void (*release)(void *))
{
	a->release = release;
	return &a->beside;
}

static void *copy(const void *from, size_t size)
{
	return size > 0 ? memcpy(mem_alloc(size), from, size) : NULL;
}

struct aws_call *aws_start(struct aws *a, const struct aws_request *r)
{
	struct aws_call *c = mem_zalloc(sizeof(*c));
	struct aws_request *own = &c->request;

	c->aws = a;
	*own = *r;
	own->query = copy(r->query, (size_t)r->query_count * sizeof(*r->query));
	own->headers =
	    copy(r->headers, (size_t)r->header_count * sizeof(*r->headers));
	if (own->path == NULL)
		own->path = "/";
	if (own->payload_sha256 == NULL) {
		sigv4_sha256(r->body, r->body_len, c->sha256);
		own->payload_sha256 = c->sha256;
	}
	if (a->moved_from != NULL &&
	    strcmp(own->host ? own->host : a->host, a->moved_from) == 0) {
		free(a->moved.path);
		a->moved.path = mem_strdup(own->path);
		aws_call_send_on(c, &a->moved);
	}
	c->next = a->calls;
	a->calls = c;
	aws_call_try(c);
	return c;
}

/* Moves all calls and says whether any more calls ended; *next is the time when
 * the first waiting call goes on. */
static bool move(struct aws *a, int64_t *next)
{
	bool ended = false;

	for (struct aws_call *c = a->calls; c != NULL; c = c->next) {
		if (c->done)
			continue;
		if (c->http != NULL && http_done(c->http))
			aws_call_take_try(c);
		if (!c->done && c->http == NULL &&
		    c->again_ms <= clock_boot_ms())
			aws_call_try(c);
		ended |= c->done;
		if (!c->done && c->http == NULL && c->again_ms < *next)
			*next = c->again_ms;
		/* A call may fail before its request starts. */
		if (c->http != NULL && http_done(c->http))
			*next = 0;
	}
	return ended;
}

int aws_step(struct aws *a, int64_t wait_ms, struct err *e)
{
	int64_t now = clock_boot_ms(), next = now + wait_ms;

	if (move(a, &next))
		wait_ms = 0;
	else if (next - now < wait_ms)
		wait_ms = next > now ? next - now : 0;
	if (http_step(a->http, wait_ms, e) != 0)
		return -1;
	move(a, &next);
	return 0;
}

bool aws_done(const struct aws_call *call)
{
	return call->done;
}

int aws_take(struct aws_call *c, struct aws_answer *answer, struct err *e)
{
	int rc = c->rc;

	*answer = c->answer;
	c->answer = (struct aws_answer){0};
	if (rc != 0)
		*e = c->error;
	aws_drop(c);
	return rc;
}

void aws_drop(struct aws_call *c)
{
	struct aws_call **at = &c->aws->calls;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (c->http != NULL)
		http_drop(c->http);
	aws_answer_free(&c->answer);
	free(c->access_key);
	aws_redirect_free(&c->sent_on);
	free((void *)c->request.query);
	free((void *)c->request.headers);
	free(c);
}

static int send(struct aws *a, const struct aws_request *r,
    struct aws_answer *answer, struct err *e)
{
	struct aws_call *c = aws_start(a, r);

	*answer = (struct aws_answer){0};
	while (!c->done) {
		if (aws_step(a, WAIT_MS, e) != 0) {
			aws_drop(c);
			return -1;
		}
	}
	return aws_take(c, answer, e);
}

int aws_send(struct aws *a, const struct aws_request *r,
    struct aws_answer *answer, struct err *e)
{
	int rc;

	if (r->unstoppable)
		http_ignore_watch(a->http, true);
	rc = send(a, r, answer, e);
	if (r->unstoppable)
		http_ignore_watch(a->http, false);
	return rc;
}

void aws_answer_free(struct aws_answer *answer)
{
	http_reply_free(&answer->http);
}
