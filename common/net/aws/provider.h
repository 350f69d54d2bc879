/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_PROVIDER_H
#define NET_AWS_PROVIDER_H

#include <stdbool.h>

#include "net/aws/sigv4.h"
#include "net/http/http.h"

/*
 * Providers of credentials: for credentials.c only. Each function returns 1
 * with the keys, 0 when it does not apply to this machine (`looked` then says
 * why), or -1 when it applies but fails.
 */
struct keys {
	char *access_key, *secret_key;
	char *session_token; /* NULL: none */
	time_t ends;         /* seconds since 1970; 0: they do not end */
};
void keys_free(struct keys *k); /* wipes the keys first */

struct lookup {
	struct http *http;
	struct http_terms terms;
	const char *profile; /* its name; never NULL */
	/* set by the settings: the profile precedes the environment */
	bool profile_said;
	const char *region;       /* region for STS; NULL: unknown */
	const char *sts_endpoint; /* NULL: the region's own endpoint */
	const char *session_name;
	/* seconds that the answering server's clock is ahead */
	int64_t skew_s;
	struct buf looked; /* "place: why it has no keys; ..." */
};
/* Adds a place that had no keys, with the reason. Returns 0. */
int lookup_note(struct lookup *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Takes the clock from an answer's Date header for this lookup. */
void lookup_clock(struct lookup *l, const struct http_reply *reply);

int provide_environment(struct lookup *l, struct keys *k, struct err *e);
int provide_profile(struct lookup *l, struct keys *k, struct err *e);
int provide_container(struct lookup *l, struct keys *k, struct err *e);
int provide_instance(struct lookup *l, struct keys *k, struct err *e);

/* A role to assume with STS. */
struct role {
	const char *arn;
	const char *external_id;  /* NULL: none */
	const char *session_name; /* NULL: the name in struct lookup */
	const char *token_file;   /* token for AssumeRoleWithWebIdentity */
	const char *duration;     /* seconds; NULL: STS's default */
};
/* Assumes a role with the given keys and replaces them by the role's. Without
 * keys the role's token file is used. */
int sts_assume(
    struct lookup *l, const struct role *role, struct keys *k, struct err *e);
int provide_web_identity(struct lookup *l, struct keys *k, struct err *e);

/* Returns a key's value in a profile, or NULL. The credentials file precedes
 * the config file. The caller frees the value. */
char *profile_value(const char *profile, const char *key);

/* Returns the first of these environment variables that is set and not empty,
 * or NULL. */
const char *env_first(const char *name, const char *other);

/* Reads a short file, without the line break at its end. The caller frees the
 * text; NULL with *e on error. */
char *read_token(const char *path, struct err *e);

#endif
