/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_AWS_H
#define NET_AWS_AWS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/json.h"
#include "net/aws/credentials.h"
#include "net/aws/sigv4.h"
#include "net/http/http.h"

/*
 * Signed calls of AWS services and of those that speak like them. A call is
 * repeated with exponential back-off and jitter when that may help (a broken
 * connection, a timeout, 429, 5xx, throttling by name; an expired token once,
 * with fresh credentials; a clock that is off once, by the server's Date), never
 * on any other 4xx. Where S3 sends a request on to another of its endpoints, it
 * goes there with a new signature.
 */
struct aws;

struct aws_options {
	struct http *http;
	struct credentials *credentials;
	const char *service;     /* the name in the signature: s3, sns, ... */
	const char *region;      /* NULL is an error that says how to set it */
	const char *endpoint;    /* https://host[:port]; NULL: AWS's own */
	struct http_terms terms; /* total_ms is that of one try */
	int tries;               /* 0: 5 */
};

struct aws *aws_open(const struct aws_options *o, struct err *e);
void aws_close(struct aws *a); /* accepts NULL */
/* The endpoint's host as it is signed and sent: "s3.eu-west-1.amazonaws.com",
 * "127.0.0.1:8080". */
const char *aws_host(const struct aws *a);

/* A place for what somebody keeps beside the client, given to `release` at its
 * end. */
void **aws_beside(struct aws *a, void (*release)(void *));

struct aws_request {
	const char *method;
	const char *operation; /* for messages; NULL: method and path */
	const char *host; /* NULL: the endpoint's; for virtual-host buckets */
	const char *path; /* not escaped, begins with '/'; NULL: "/" */
	const struct sigv4_pair *query;
	int query_count;
	const struct sigv4_pair *headers;
	int header_count;
	const void *body; /* lives until the call is over */
	size_t body_len;
	const char *payload_sha256; /* NULL: computed */
	size_t reply_max;
	/* Not repeated after it may have taken effect: a cut or a timeout is
	 * an error at once. */
	bool once;
	/* The watch of the HTTP client does not stop it: what tidies up after a
	 * job that was stopped, and what must be seen through to its end. For
	 * aws_send only. */
	bool unstoppable;
	int64_t
	    deadline_ms; /* boot clock; no try begins or lasts beyond; 0: none */
};

/* A reply of status 2xx, or -1 with a sentence: service, operation, status, the
 * service's code and message, the host. Permanent on 4xx (but 408, 429 and
 * throttling). *answer is the caller's to free, also on error: its status (0: no
 * answer) and code tell then what it was. */
struct aws_answer {
	struct http_reply http;
	char code[64];       /* NoSuchKey, AccessDenied, ExpiredToken, ... */
	char request_id[80]; /* for a support case */
};
int aws_send(struct aws *a, const struct aws_request *r,
    struct aws_answer *answer, struct err *e);
void aws_answer_free(struct aws_answer *answer);

/* Side by side, each with its own repeats; bodies and strings of the request
 * live until the call is over. */
struct aws_call;
struct aws_call *aws_start(struct aws *a, const struct aws_request *r);
/* Moves all calls of the client's http; see http_step. */
int aws_step(struct aws *a, int64_t wait_ms, struct err *e);
bool aws_done(const struct aws_call *call);
int aws_take(struct aws_call *call, struct aws_answer *answer, struct err *e);
void aws_drop(struct aws_call *call);

/* A URL that anybody may GET until it ends: *ends, seconds since 1970, is no
 * later than the credentials' own end. The caller's to free; NULL on error. */
char *aws_presign(struct aws *a, const char *host, const char *path,
    const struct sigv4_pair *query, int query_count, int64_t seconds,
    int64_t *ends, struct err *e);

/* Operations of the JSON protocol (target "secretsmanager.GetSecretValue") and
 * of the Query protocol (XML reply). NULL with *e on error. The JSON object, or
 * the reply's text, is the caller's to free. `code` may be NULL. */
json_t *aws_json(struct aws *a, const char *target, const char *version,
    const json_t *arguments, char code[64], struct err *e);
char *aws_query(struct aws *a, const char *version, const char *action,
    const struct sigv4_pair *arguments, int count, char code[64],
    struct err *e);

/* The text of the first element <name> in an XML reply, entities resolved; the
 * caller's to free, NULL: there is none. For replies of known shape. */
char *aws_xml_text(const char *xml, size_t len, const char *name);
/* Seconds since 1970 of 2026-03-01T10:00:00Z; 0 for NULL and for another text. */
time_t aws_time(const char *text);
/* The message and code of an XML reply that tells of an error, whatever its
 * status (S3 does so with 200); NULL: it tells of none. */
char *aws_xml_error(const char *xml, size_t len, char code[static 64]);

#endif
