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
 * HTTP(S) over libcurl: one client a process, which keeps its connections. Calls
 * may be under way side by side; they move whenever somebody waits for one of
 * them or calls http_step. TLS is verified always; there is no switch for it.
 *
 * An answer of any status is a success here: the caller knows what a 404 means.
 * What fails is the way there: no connection, no trust, silence, a cut.
 */
struct http;

struct http *http_open(void);
void http_close(struct http *h); /* drops what is under way; accepts NULL */
/* Waits stop when it says so; NULL: never. Set anew for each job. */
void http_set_watch(struct http *h, const struct watch *watch);
/* Waits do not look at the watch until this is taken back. */
void http_ignore_watch(struct http *h, bool ignore);

/* How a service is reached. Strings outlive the call. */
struct http_terms {
	const char *proxy;    /* NULL: http_proxy etc. of the environment */
	const char *no_proxy; /* names that are reached without it; NULL: as
	                         the environment says */
	const char *ca_file;  /* PEM; NULL: the system's */
	int64_t connect_ms;   /* 0: 10 s */
	int64_t silence_ms;   /* nothing moved for so long; 0: 60 s */
	int64_t total_ms;     /* in all; 0: no limit */
	/*
	 * For addresses that users write. Refused is then every connection to
	 * loopback, link-local, unspecified, multicast and metadata addresses,
	 * looked at when the connection is made: behind a redirect and behind
	 * a second answer of the DNS too. `allow` lists exceptions such as
	 * "127.0.0.1/32, fd00::/8"; NULL: none.
	 */
	bool guarded;
	const char *allow;
};

struct http_request {
	const char *method;
	const char *url;            /* sent as it is, never normalised */
	const char *const *headers; /* "Name: value", NULL-ended; NULL: none */
	const void *body;           /* lives until the call is over */
	size_t body_len;
	/* Followed at most, https never to http; 0: none. A POST stays one but
	 * at 303; Authorization is not told to another host. */
	int redirects;
	bool fresh; /* a connection of its own: curl cannot repeat it unasked */
	size_t reply_max; /* of the body; 0: 1 MiB. A longer one is an error */
	struct http_terms terms;
};

struct http_reply {
	int status;
	bool sent; /* the request, or a part of it; on error, too */
	int begun; /* on error: the status of an answer that broke; 0: none */
	struct buf body;
	struct buf headers; /* lines as they came */
};

/* There and back. -1: transient unless it cannot get better (a wrong URL, a
 * certificate that is not trusted, a guarded address). Frees of the reply are
 * the caller's, also on error; it may be uninitialised before. */
int http_send(struct http *h, const struct http_request *request,
    struct http_reply *reply, struct err *e);
void http_reply_free(struct http_reply *reply);
/* The value of a header, any case; "" when there is none. Valid until the next
 * call for this reply. */
const char *http_header(
    const struct http_reply *reply, const char *name, char *to, size_t size);

/*
 * Calls side by side. The request is copied, the body is not.
 */
struct http_call;
struct http_call *http_start(struct http *h, const struct http_request *r);
/* Moves all calls; waits at most wait_ms for something to happen, 0: not at
 * all. -1: the watch says stop. */
int http_step(struct http *h, int64_t wait_ms, struct err *e);
bool http_done(const struct http_call *call);
/* Of a call that is done: its reply (the caller's to free), or -1 and why. Frees
 * the call. */
int http_take(struct http_call *call, struct http_reply *reply, struct err *e);
/* Drops a call, done or not. */
void http_drop(struct http_call *call);

/* The Date header in seconds since 1970, 0 when there is none. */
time_t http_date(const struct http_reply *reply);
/* The host of a URL for messages, never what else may be in it: "host:port". */
void http_host(const char *url, char *to, size_t size);

/* RFC 3986: all but unreserved characters become %XX; '/' stays with `slash`. */
void http_escape(struct buf *to, const char *text, size_t len, bool slash);

#endif
