/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_CREDENTIALS_H
#define NET_AWS_CREDENTIALS_H

#include <stdint.h>

#include "net/aws/sigv4.h"
#include "net/http/http.h"

/*
 * AWS credentials as every AWS program finds them, the first that is there:
 * the environment; web identity (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN); the
 * shared credentials and config files with their profiles (keys, role_arn with
 * source_profile or credential_source, web_identity_token_file); the container
 * endpoint (ECS, EKS Pod Identity); EC2's IMDSv2. A role of the settings is
 * assumed on top. Kept until a while before they end, then fetched again; never
 * logged, in no message.
 */
struct credentials;

struct credentials_options {
	struct http *http;
	const char *profile;      /* NULL: AWS_PROFILE or "default" */
	const char *region;       /* for STS; NULL: as aws_region finds it */
	const char *role_arn;     /* assumed on top; NULL: none */
	const char *external_id;  /* for it; NULL: none */
	const char *session_name; /* for it; NULL: "reportd" */
	const char *sts_endpoint; /* NULL: the region's */
	struct http_terms terms;  /* for STS */
};

struct credentials *credentials_open(const struct credentials_options *o);
void credentials_free(struct credentials *c); /* accepts NULL */

/* Valid until the next call. *ends: seconds since 1970, 0: they do not. NULL:
 * *e tells every place that was looked at and what it lacked. */
const struct sigv4_key *credentials_get(
    struct credentials *c, int64_t *ends, struct err *e);
/* A service refused them (ExpiredToken): fetch anew at the next get. */
void credentials_refuse(struct credentials *c);

/* The region: `given`, AWS_REGION, AWS_DEFAULT_REGION, the profile's; NULL when
 * nobody says. The caller's to free. */
char *credentials_region(const char *given, const char *profile);

#endif
