/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_REDIRECT_H
#define NET_AWS_REDIRECT_H

#include "net/aws/aws.h"

/*
 * Where S3 sends a request that another of its endpoints is to answer: 307 for a
 * while (a bucket that is new), 301 and 308 for good. For aws.c alone.
 */
struct aws_place {
	const char *scheme;   /* "https://" */
	const char *endpoint; /* "s3.eu-west-1.amazonaws.com", "127.0.0.1:80" */
	const char *host;     /* the endpoint, or the bucket's before a dot */
	const char *path;     /* not escaped */
	const char *region;   /* of the signature */
};

struct aws_redirect {
	char *host, *path, *region;
};

/*
 * 1: *to is where the same request goes, with a new signature; the caller frees.
 * 0: the answer is none, or does not say where to. -1: it leads out of the
 * service: at AWS that is S3 of the same partition, elsewhere the endpoint's own
 * host and what stands below it; https never leads to http.
 */
int aws_redirect_read(const struct aws_answer *answer,
    const struct aws_place *from, struct aws_redirect *to, struct err *e);
void aws_redirect_free(struct aws_redirect *r);

#endif
