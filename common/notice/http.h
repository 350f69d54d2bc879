/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_HTTP_H
#define NOTICE_HTTP_H

#include "notice/notice.h"

/* A POST to a URL that somebody wrote into a report. */
struct notice_post {
	const char *url;
	const char *shown;     /* the part of it that messages may name */
	const char *hosts;     /* allow-list; NULL: none */
	const char *hosts_key; /* where that list is written */
	const char *const *headers;
	struct buf body;
	bool fresh; /* see struct http_request */
};

/*
 * 0 when the receiver answered with 2xx. Transient: no connection, no answer in
 * time, 408, 425, 429 and 5xx, with Retry-After. Everything else is permanent,
 * redirects included: they are not followed. Why there is no answer at all stands
 * in answer->detail only. Frees the body.
 */
int notice_post(struct services *s, struct notice_post *p,
    struct notice_answer *answer, struct err *e);

/* Retry-After in milliseconds, of its two forms; 0 when there is none. `now`:
 * seconds since 1970. */
int64_t notice_retry_after(const char *value, int64_t now);

/* The host of a URL without port and brackets; -1 when it is not one that the
 * checks of report_config let pass. */
int notice_host(const char *url, char *host, size_t size);

#endif
