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
 * Signed calls of AWS services and of compatible services. A call is repeated
 * with exponential back-off and jitter when a repeat may help: after a broken
 * connection, a timeout, 429, 5xx, or a throttling code; once after an expired
 * token, with fresh credentials; once after a wrong clock, with the time from
 * the server's Date header. It is never repeated after any other 4xx. When S3
 * redirects a request to another of its endpoints, the call goes there with a
 * new signature.
 */
struct aws;

struct aws_options {
	struct http *http;
	struct credentials *credentials;
	/* service name in the signature: s3, sns, ... */
	const char *service;
	const char *region;      /* NULL is an error that says how to set it */
	const char *endpoint;    /* https://host[:port]; NULL: AWS's own */
	struct http_terms terms; /* terms.total_ms is the limit of one try */
	int tries;               /* most tries of a call; 0: 5 */
};

struct aws *aws_open(const struct aws_options *o, struct err *e);
void aws_close(struct aws *a); /* accepts NULL */
/* Returns the endpoint's host as it is signed and sent:
 * "s3.eu-west-1.amazonaws.com", "127.0.0.1:8080". */
const char *aws_host(const struct aws *a);
/* Says whether it is reached over TLS. */
bool aws_is_tls(const struct aws *a);

/* Returns a slot for data that a caller keeps with the client. The client
 * passes the data to `release` when it is closed. */
void **aws_beside(struct aws *a, void (*release)(void *));

struct aws_request {
	const char *method;
	const char *operation; /* for messages; NULL: method and path */
	/* NULL: the endpoint's; set for virtual-host buckets */
	const char *host;
	const char *path; /* not escaped, begins with '/'; NULL: "/" */
	const struct sigv4_pair *query;
	int query_count;
	const struct sigv4_pair *headers;
	int header_count;
	const void *body; /* lives until the call is over */
	size_t body_len;
	const char *payload_sha256; /* NULL: computed */
	size_t reply_max;
	/* Never repeated once it may have taken effect: a cut connection or a
	 * timeout is then an error at once. */
	bool once;
	/* The watch of the HTTP client does not stop this call: for cleaning up
	 * after a stopped job, and for work that must be completed. Only
	 * aws_send accepts it. */
	bool unstoppable;
	int64_t
	    /* boot clock, ms; every try begins and ends before it; 0: no
	     * limit */
	    deadline_ms;
};

/* Sends a request and waits for its answer. Returns 0 for a status of 2xx, or
 * -1 with a sentence that holds service, operation, status, the service's code
 * and message, and the host. The error is permanent for 4xx, except 408, 429
 * and throttling. The caller frees *answer, also on error; its status (0: no
 * answer) and code then tell the cause. */
struct aws_answer {
	struct http_reply http;
	char code[64]; /* error code: NoSuchKey, AccessDenied, ... */
	/* the service's ID of the request, for its support */
	char request_id[80];
};
int aws_send(struct aws *a, const struct aws_request *r,
    struct aws_answer *answer, struct err *e);
void aws_answer_free(struct aws_answer *answer);

/* Calls that run in parallel, each with its own repeats. Bodies and strings of
 * a request must live until its call is over. */
struct aws_call;
struct aws_call *aws_start(struct aws *a, const struct aws_request *r);
/* Moves all calls of the HTTP client; see http_step. */
int aws_step(struct aws *a, int64_t wait_ms, struct err *e);
bool aws_done(const struct aws_call *call);
int aws_take(struct aws_call *call, struct aws_answer *answer, struct err *e);
void aws_drop(struct aws_call *call);

/* Returns a URL that anybody may GET until *ends, in seconds since 1970, which
 * is no later than the end of the credentials. The caller frees it; NULL on
 * error. */
char *aws_presign(struct aws *a, const char *host, const char *path,
    const struct sigv4_pair *query, int query_count, int64_t seconds,
    int64_t *ends, struct err *e);

/* Calls an operation of the JSON protocol (target
 * "secretsmanager.GetSecretValue") or of the Query protocol (XML reply).
 * Returns the JSON object, or the text of the reply, which the caller frees;
 * NULL with *e on error. `code` receives the service's error code and may be
 * NULL. */
json_t *aws_json(struct aws *a, const char *target, const char *version,
    const json_t *arguments, char code[64], struct err *e);
/* The same under terms of its own. */
struct aws_json_call {
	const char *target, *version;
	const json_t *arguments;
	size_t reply_max; /* bytes; 0: 1 MiB */
	bool unstoppable; /* as in struct aws_request */
	int64_t deadline_ms;
};
json_t *aws_json_call(struct aws *a, const struct aws_json_call *call,
    char code[64], struct err *e);
char *aws_query(struct aws *a, const char *version, const char *action,
    const struct sigv4_pair *arguments, int count, char code[64],
    struct err *e);

/* Returns the text of the first element <name> in an XML reply, with its
 * entities resolved; the caller frees it. NULL: no such element. For replies
 * whose structure is known. */
char *aws_xml_text(const char *xml, size_t len, const char *name);
/* Returns the next element <name>, which has no attributes, from *from on, with its
 * bytes in *len; *from is then the place after it. NULL: there is none. */
const char *aws_xml_next(const char **from, const char *name, size_t *len);
/* Converts 2026-03-01T10:00:00Z to seconds since 1970; 0 for NULL and for any
 * other text. */
time_t aws_time(const char *text);
/* Returns the message of an XML reply that reports an error, and its code,
 * whatever the HTTP status (S3 reports errors with 200, too). NULL: no error is
 * reported. */
char *aws_xml_error(const char *xml, size_t len, char code[static 64]);

#endif
