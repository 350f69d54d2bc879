/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_CREDENTIALS_H
#define NET_AWS_CREDENTIALS_H

#include <stdint.h>

#include "net/aws/sigv4.h"
#include "net/http/http.h"

/*
 * AWS credentials, found in the order that all AWS programs use; the first
 * source that has any wins: the environment; web identity
 * (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN); the shared credentials and
 * config files with their profiles (keys, role_arn with source_profile or
 * credential_source, web_identity_token_file); the container endpoint (ECS, EKS
 * Pod Identity); EC2's IMDSv2. A role named in the settings is assumed with the
 * credentials found. They are kept until shortly before they end, then fetched
 * again, and appear in no log and no message.
 */
struct credentials;

struct credentials_options {
	struct http *http;
	const char *profile;     /* NULL: AWS_PROFILE or "default" */
	const char *region;      /* region for STS; NULL: aws_region decides */
	const char *role_arn;    /* role to assume in addition; NULL: none */
	const char *external_id; /* external ID for that role; NULL: none */
	/* session name for that role; NULL: "reportd" */
	const char *session_name;
	const char *sts_endpoint; /* NULL: the region's own endpoint */
	struct http_terms terms;  /* terms of requests to STS */
};

struct credentials *credentials_open(const struct credentials_options *o);
void credentials_free(struct credentials *c); /* accepts NULL */

/* Returns the current keys, valid until the next call. *ends is their end in
 * seconds since 1970; 0: they do not end. Returns NULL on error, with an *e
 * that names every place that was tried and the reason why it had no keys. */
const struct sigv4_key *credentials_get(
    struct credentials *c, int64_t *ends, struct err *e);
/* Tells that a service refused the keys (ExpiredToken); the next
 * credentials_get fetches new ones. */
void credentials_refuse(struct credentials *c);

/* Returns the region from `given`, AWS_REGION, AWS_DEFAULT_REGION or the
 * profile, in this order; NULL when none is set. The caller frees it. */
char *credentials_region(const char *given, const char *profile);

#endif
