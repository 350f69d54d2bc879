/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_PROVIDER_H
#define NET_AWS_PROVIDER_H

#include <stdbool.h>

#include "net/aws/sigv4.h"
#include "net/http/http.h"

/*
 * Places that credentials come from: for credentials.c alone. Each returns 1 and
 * the keys, 0 when it does not apply here (`looked` says then why), -1 when it
 * does but fails.
 */
struct keys {
	char *access_key, *secret_key;
	char *session_token; /* NULL: none */
	time_t ends;         /* 0: they do not */
};
void keys_free(struct keys *k); /* wiped first */

struct lookup {
	struct http *http;
	struct http_terms terms;
	const char *profile;      /* its name; never NULL */
	bool profile_said;        /* by the settings: before the environment */
	const char *region;       /* for STS; NULL: none is known */
	const char *sts_endpoint; /* NULL: the region's */
	const char *session_name;
	int64_t skew_s;    /* what the clock of those who answer is ahead */
	struct buf looked; /* "place: what it lacks; ..." */
};
/* Adds a place that had nothing. Returns 0. */
int lookup_note(struct lookup *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The answer's clock becomes that of the lookup. */
void lookup_clock(struct lookup *l, const struct http_reply *reply);

int provide_environment(struct lookup *l, struct keys *k, struct err *e);
int provide_profile(struct lookup *l, struct keys *k, struct err *e);
int provide_container(struct lookup *l, struct keys *k, struct err *e);
int provide_instance(struct lookup *l, struct keys *k, struct err *e);

/* STS. */
struct role {
	const char *arn;
	const char *external_id;  /* NULL: none */
	const char *session_name; /* NULL: the lookup's */
	const char *token_file;   /* of AssumeRoleWithWebIdentity */
	const char *duration;     /* seconds; NULL: the role's */
};
/* With the keys, which are replaced; NULL ones: by the token file. */
int sts_assume(
    struct lookup *l, const struct role *role, struct keys *k, struct err *e);
int provide_web_identity(struct lookup *l, struct keys *k, struct err *e);

/* {"AccessKeyId": ..., "SecretAccessKey": ..., "Token": ..., "Expiration": ...}
 */
int keys_from_json(
    const struct buf *json, const char *from, struct keys *k, struct err *e);

/* The value of a key of a profile, or NULL; the credentials file comes first.
 * The caller's to free. */
char *profile_value(const char *profile, const char *key);

/* The first of these that is set in the environment and not empty, or NULL. */
const char *env_first(const char *name, const char *other);

/* A short file, without the line end at its own; NULL with *e on error. The
 * caller's to free. */
char *read_token(const char *path, struct err *e);

#endif
