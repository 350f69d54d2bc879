/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_AWS_REDIRECT_H
#define NET_AWS_AWS_REDIRECT_H

#include "net/aws/aws.h"

/*
 * Redirects of S3 to another of its endpoints: 307 for a while (a bucket that
 * is new), 301 and 308 for good. For aws.c only.
 */
struct aws_place {
	const char *scheme;   /* "https://" */
	const char *endpoint; /* "s3.eu-west-1.amazonaws.com", "127.0.0.1:80" */
	const char *host;     /* the endpoint, or "bucket." before it */
	const char *path;     /* not escaped */
	const char *region;   /* region in the signature */
};

struct aws_redirect {
	char *host, *path, *region;
};

/*
 * Reads a redirect. Returns 1 when *to is the place for the same request with a
 * new signature; the caller frees it. Returns 0 when the answer is no redirect,
 * or names no target. Returns -1 when the target is outside of the service. For
 * AWS the service is S3 in the same partition; for others it is the endpoint's
 * own host and its subdomains. A redirect from https to http is outside, too.
 */
int aws_redirect_read(const struct aws_answer *answer,
    const struct aws_place *from, struct aws_redirect *to, struct err *e);
void aws_redirect_free(struct aws_redirect *r);

#endif
