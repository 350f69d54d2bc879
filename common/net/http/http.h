/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_HTTP_H
#define NET_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/watch.h"

/*
 * HTTP(S) over libcurl, with one client per process, which keeps its
 * connections. Calls may run in parallel; they proceed while a caller waits for
 * one of them or calls http_step. TLS certificates are always verified; no
 * option disables that.
 *
 * An answer with any status is a success here: the caller knows the meaning of
 * a 404. A call fails when no answer arrives: no connection, no trust, silence,
 * or a cut connection.
 */
struct http;

struct http *http_open(void);
void http_close(struct http *h); /* drops calls under way; accepts NULL */
/* Sets the watch that can stop waits; NULL: none. To be set for each job. */
void http_set_watch(struct http *h, const struct watch *watch);
/* Waits ignore the watch after a call with true, and look at it again after a
 * call with false. */
void http_ignore_watch(struct http *h, bool ignore);

/* How to reach a service. Strings must outlive the call. */
struct http_terms {
	const char *proxy; /* NULL: http_proxy etc. from the environment */
	/* hosts to reach without the proxy; NULL: as in the environment */
	const char *no_proxy;
	/* PEM file of trusted certificates; NULL: the system's */
	const char *ca_file;
	int64_t connect_ms; /* 0: 10 s */
	int64_t silence_ms; /* longest time without a byte moved; 0: 60 s */
	int64_t total_ms;   /* limit of the whole call; 0: none */
	/*
	 * For addresses written by users: every connection to a loopback,
	 * link-local, unspecified, multicast, private or metadata address is
	 * refused. The address is checked when the connection is made, so that
	 * redirects and changed DNS answers are covered. `allow` lists
	 * exceptions such as "127.0.0.1/32, fd00::/8"; NULL: none. `allow_key`
	 * names the setting with that list, for messages.
	 */
	bool guarded;
	const char *allow, *allow_key;
};

struct http_request {
	const char *method;
	const char *url; /* sent unchanged, never normalised */
	/* "Name: value", NULL at the end; NULL: none */
	const char *const *headers;
	const void *body; /* lives until the call is over */
	size_t body_len;
	/* The number of redirects to follow; https never leads to http; 0:
	 * none. A POST stays a POST except after 303. Authorization is not sent
	 * to another host. */
	int redirects;
	/* uses a new connection, so that curl cannot repeat the request by
	 * itself */
	bool fresh;
	/* limit of the body in bytes, else an error; 0: 1 MiB */
	size_t reply_max;
	/* Bytes of the body that are held until http_read takes them; the server
	 * waits while they are full. 0: the reply holds the whole body. */
	size_t window;
	bool unzip; /* accepts a body in gzip, which is unpacked on the way */
	struct http_terms terms;
};

struct http_reply {
	int status;
	bool sent; /* some of the request was sent; also set on error */
	int begun; /* on error: status of an incomplete answer; 0: none */
	struct buf body;
	struct buf headers; /* header lines as received */
};

/* Sends a request and waits for its answer. Returns -1 with a transient error,
 * unless a retry cannot help (a wrong URL, an untrusted certificate, a guarded
 * address). The caller frees the reply, also on error; the reply need not be
 * initialised before. */
int http_send(struct http *h, const struct http_request *request,
    struct http_reply *reply, struct err *e);
void http_reply_free(struct http_reply *reply);
/* Copies the value of a header into `to` (size bytes, cut there); "" when the
 * reply has none. The name matches in upper or lower case. Returns `to`. */
const char *http_header(
    const struct http_reply *reply, const char *name, char *to, size_t size);

/*
 * Calls that run in parallel. The request is copied, its body is not.
 */
struct http_call;
struct http_call *http_start(struct http *h, const struct http_request *r);
/* Moves all calls; waits up to wait_ms for an event, 0: not at all. Returns -1
 * when the watch stops the wait. */
int http_step(struct http *h, int64_t wait_ms, struct err *e);
bool http_done(const struct http_call *call);
/* Takes the result of a completed call: its reply, which the caller frees, or
 * -1 with the error. Frees the call. */
int http_take(struct http_call *call, struct http_reply *reply, struct err *e);
/* Drops a call, completed or not. */
void http_drop(struct http_call *call);

/*
 * Reads the body of a call with a window as it comes. Returns 1 with its next
 * bytes, valid until the next call; 0 at its end; -1 on error, also when the body
 * is cut. http_status waits for the status, which comes before the body, and
 * returns it, or -1. Afterwards http_take or http_drop ends the call.
 */
int http_status(struct http_call *call, struct err *e);
/* Returns the reply's headers, after http_status; they belong to the call. */
const struct http_reply *http_head(const struct http_call *call);
int http_read(
    struct http_call *call, const char **data, size_t *len, struct err *e);

/* Converts either form of Retry-After to milliseconds, a day at most; 0 for ""
 * and for other texts. `now`: seconds since 1970. */
int64_t http_retry_after(const char *value, int64_t now);
/* Converts a date of HTTP to seconds since 1970; 0 when it is none. */
time_t http_time(const char *text);
/* Returns the Date header in seconds since 1970; 0 when there is none. */
time_t http_date(const struct http_reply *reply);
/* Escapes by RFC 3986: all characters except unreserved ones become %XX; with
 * `slash`, '/' stays. */
void http_escape(struct buf *to, const char *text, size_t len, bool slash);

#endif
