/* SPDX-License-Identifier: MIT */
#include "net/aws/credentials.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "net/aws/provider.h"

/* Temporary keys are replaced this many seconds before they end; keys that live
 * less than an hour, in the last quarter of their life. A random advance of up
 * to a quarter of that time keeps hosts from asking all at once. */
#define EARLY_S 900
/* Seconds until the next attempt after new keys could not be fetched; keys that
 * are still valid are used meanwhile. */
#define AGAIN_S 30
#define NOTES_MAX 2000

struct credentials {
	struct http *http;
	struct http_terms terms;
	char *profile, *region, *role_arn, *external_id, *session_name;
	char *sts_endpoint;
	bool profile_said;
	struct keys keys;
	struct sigv4_key shown; /* points into keys */
	bool known;
	time_t renew_at; /* host's clock; 0: never */
	int64_t skew_s;
};

/* ---- functions for all providers ---- */

static void wipe(char *text)
{
	if (text != NULL)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

void keys_free(struct keys *k)
{
	free(k->access_key);
	wipe(k->secret_key);
	wipe(k->session_token);
	*k = (struct keys){0};
}

int lookup_note(struct lookup *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&l->looked, "%s%s", l->looked.len ? "; " : "", text);
	return 0;
}

void lookup_clock(struct lookup *l, const struct http_reply *reply)
{
	time_t theirs = http_date(reply);

	if (theirs != 0)
		l->skew_s = theirs - time(NULL);
}

const char *env_first(const char *name, const char *other)
{
	const char *value = getenv(name);

	if ((value == NULL || *value == '\0') && other != NULL)
		value = getenv(other);
	return value != NULL && *value != '\0' ? value : NULL;
}

int provide_environment(struct lookup *l, struct keys *k, struct err *e)
{
	const char *id = env_first("AWS_ACCESS_KEY_ID", NULL);
	const char *secret = env_first("AWS_SECRET_ACCESS_KEY", NULL);

	if (id == NULL)
		return lookup_note(
		    l, "environment: AWS_ACCESS_KEY_ID is not set");
	if (secret == NULL)
		return err_set(e, ERR_PERMANENT,
		    "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is "
		    "not");
	k->access_key = mem_strdup(id);
	k->secret_key = mem_strdup(secret);
	k->session_token = mem_strdup(env_first("AWS_SESSION_TOKEN", NULL));
	return 1;
}

/* ---- the chain of providers ---- */

static int first_that_has(struct lookup *l, struct keys *k, struct err *e)
{
	int (*const places[])(struct lookup *, struct keys *, struct err *) = {
	    l->profile_said ? NULL : provide_environment,
	    l->profile_said ? NULL : provide_web_identity,
	    provide_profile,
	    provide_container,
	    provide_instance,
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int rc = places[i] ? places[i](l, k, e) : 0;

		if (rc != 0)
			return rc;
	}
	return err_set(
	    e, ERR_PERMANENT, "there are none; looked at %s", l->looked.data);
}

static int look_up(struct credentials *c, struct keys *k, struct err *e)
{
	struct lookup l = {.http = c->http,
	    .terms = c->terms,
	    .profile = c->profile,
	    .profile_said = c->profile_said,
	    .region = c->region,
	    .sts_endpoint = c->sts_endpoint,
	    .session_name = c->session_name};
	struct role role = {.arn = c->role_arn, .external_id = c->external_id};
	int rc;

	buf_init(&l.looked, NOTES_MAX);
	rc = first_that_has(&l, k, e) == 1 ? 0 : -1;
	if (rc == 0 && role.arn != NULL)
		rc = sts_assume(&l, &role, k, e);
	c->skew_s = l.skew_s;
	buf_free(&l.looked);
	if (rc != 0) {
		keys_free(k);
		err_wrap(e, "AWS credentials");
	}
	return rc;
}

static void keep(struct credentials *c, struct keys *k)
{
	time_t now = time(NULL);

	keys_free(&c->keys);
	c->keys = *k;
	c->shown =
	    (struct sigv4_key){k->access_key, k->secret_key, k->session_token};
	c->known = true;
	c->renew_at = 0;
	if (k->ends != 0) {
		int64_t life = k->ends - (now + c->skew_s);
		int64_t early = life / 4 < EARLY_S ? life / 4 : EARLY_S;

		c->renew_at = now + life - early - random_below(early / 4 + 1);
	}
}

/* Says whether the keys are still valid by the clock of their issuer. */
static bool good(const struct credentials *c)
{
	return c->known &&
	       (c->keys.ends == 0 || time(NULL) + c->skew_s < c->keys.ends);
}

const struct sigv4_key *credentials_get(
    struct credentials *c, int64_t *ends, struct err *e)
{
	bool renew = c->renew_at != 0 && time(NULL) >= c->renew_at;
	struct keys k = {0};

	if (!c->known || renew) {
		if (look_up(c, &k, e) == 0)
			keep(c, &k);
		else if (e->kind == ERR_CANCELLED || !good(c))
			return NULL;
		else
			c->renew_at = time(NULL) + AGAIN_S;
	}
	*ends = c->keys.ends;
	return &c->shown;
}

void credentials_refuse(struct credentials *c)
{
	c->known = false;
}

/* ---- settings ---- */

static const char *profile_name(const char *given)
{
	const char *env = env_first("AWS_PROFILE", "AWS_DEFAULT_PROFILE");

	return given ? given : env ? env : "default";
}

char *credentials_region(const char *given, const char *profile)
{
	const char *env = env_first("AWS_REGION", "AWS_DEFAULT_REGION");

	if (given != NULL || env != NULL)
		return mem_strdup(given ? given : env);
	return profile_value(profile_name(profile), "region");
}

struct credentials *credentials_open(const struct credentials_options *o)
{
	struct credentials *c = mem_zalloc(sizeof(*c));

	c->http = o->http;
	c->terms = o->terms;
	c->profile = mem_strdup(profile_name(o->profile));
	c->profile_said = o->profile != NULL;
	c->region = credentials_region(o->region, o->profile);
	c->role_arn = mem_strdup(o->role_arn);
	c->external_id = mem_strdup(o->external_id);
	c->session_name =
	    mem_strdup(o->session_name ? o->session_name : "reportd");
	c->sts_endpoint = mem_strdup(o->sts_endpoint);
	return c;
}

void credentials_free(struct credentials *c)
{
	if (c == NULL)
		return;
	keys_free(&c->keys);
	free(c->profile);
	free(c->region);
	free(c->role_arn);
	free(c->external_id);
	free(c->session_name);
	free(c->sts_endpoint);
	free(c);
}
