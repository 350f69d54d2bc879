/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_HTTP_H
#define NOTICE_HTTP_H

#include "notice/notice.h"

/* A POST to a URL that the author of a report has chosen. */
struct notice_post {
	const char *url;
	const char *shown; /* the part of the URL that messages may show */
	/* patterns of allowed hosts; NULL: none is allowed */
	const char *hosts;
	/* the setting that contains `hosts`, for messages */
	const char *hosts_key;
	const char *const *headers;
	struct buf body;
	bool fresh; /* see struct http_request */
};

/* Makes the body of a JSON value of at most `max` bytes as text; takes over the
 * reference to the value. -1 when the value holds what JSON cannot. */
int notice_post_json(
    struct notice_post *p, json_t *value, size_t max, struct err *e);

/*
 * Sends the POST and frees the body. Returns 0 when the receiver answered with
 * 2xx. Transient errors: no connection, no answer in time, 408, 425, 429 and
 * 5xx; answer->retry_ms then holds the Retry-After of the answer. All other
 * errors are permanent, redirects included: they are not followed. Only
 * answer->detail tells why there was no answer at all.
 */
int notice_post(struct services *s, struct notice_post *p,
    struct notice_answer *answer, struct err *e);

/* Copies the host of a URL, without port and brackets. -1 when the checks of
 * report_config would refuse the host. */
int notice_host(const char *url, char *host, size_t size);

#endif
