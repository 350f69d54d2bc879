/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_AWS_PARTS_H
#define NET_AWS_AWS_PARTS_H

#include "net/aws/aws.h"
#include "net/aws/aws_redirect.h"

/*
 * The parts that the files of a call share: aws.c keeps a service and the calls
 * under way; try.c signs and sends one try of a call, and decides what follows
 * its answer.
 */
struct aws {
	struct http *http;
	struct credentials *credentials;
	char *service, *region;
	char *scheme, *host; /* "https://", "host:port" */
	struct http_terms terms;
	int tries;
	int64_t skew_s; /* seconds that the service's clock is ahead */
	/* The host of the latest redirect, and the place that requests to this
	 * host are sent to since then. */
	char *moved_from;
	struct aws_redirect moved;
	struct aws_call *calls;
	void *beside;
	void (*release)(void *);
};

struct aws_call {
	struct aws_call *next;
	struct aws *aws;
	struct aws_request request;
	char sha256[SIGV4_HEX];
	struct http_call *http; /* NULL: no request is under way */
	char *access_key;       /* the access key that signed the last try */
	/* when it was signed, on the service's and on the boot clock */
	int64_t signed_s, signed_ms;
	int tries;
	/* each remedy is used only once */
	bool refreshed, adjusted;
	struct aws_redirect sent_on; /* host NULL: there was no redirect */
	int redirects;
	int64_t again_ms; /* boot clock: when the next try begins */
	bool done;
	int rc;
	struct aws_answer answer;
	struct err error;
};

/* try.c */
/* Signs and sends the request once. */
void aws_call_try(struct aws_call *c);
/* Takes the answer of the try, which has come: the call is done, or waits for its
 * next try. */
void aws_call_take_try(struct aws_call *c);
/* Sends this and later tries of the call to another place. */
void aws_call_send_on(struct aws_call *c, const struct aws_redirect *to);

#endif
