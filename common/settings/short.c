/* SPDX-License-Identifier: MIT */
#include "settings/short.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "settings/settings_keys.h"
#include "settings/settings_sources.h"
#include "source/postgres/conninfo.h"

#define DB "REDSHIFT_DB"
#define USER "REDSHIFT_USER"
#define SECRET "REDSHIFT_SECRET_ARN"
#define BUCKET "S3_BUCKET_NAME"
#define SOURCE "default"

/* A variable that is empty is not set. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static const struct key *output_key(void)
{
	size_t i = 0;

	while (strcmp(keys[i].section, "reportd") != 0 ||
	       strcmp(keys[i].name, "output") != 0)
		i++;
	return &keys[i];
}

/* ---- the source ---- */

static int set_source(struct settings *s, const char *key, const char *value,
    const char *from, struct err *e)
{
	char *place = mem_printf("environment: %s", from);
	int rc = sources_set(
	    s, &(struct sources_key){"source", SOURCE, key, value, place}, e);

	if (rc != 0)
		err_wrap(e, "%s", place);
	free(place);
	return rc;
}

static const char *missing(void)
{
	static const char *const all[] = {DB, USER, SECRET};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (variable(all[i]) == NULL)
			return all[i];
	}
	return NULL;
}

static int take_source(struct settings *s, struct err *e)
{
	const struct source_settings *there = settings_source(s, SOURCE);
	const struct conninfo_pair pairs[] = {
	    {"dbname", variable(DB)}, {"user", variable(USER)}};
	const char *lacks = missing();
	char *conninfo;
	int rc;

	if (pairs[0].value == NULL && pairs[1].value == NULL &&
	    variable(SECRET) == NULL)
		return 0;
	if (lacks != NULL)
		return err_set(e, ERR_PERMANENT,
		    "environment: " DB ", " USER " and " SECRET
		    " belong together, and %s is not set",
		    lacks);
	if (there != NULL && sources_is_given(there))
		return err_set(e, ERR_PERMANENT,
		    "environment: " DB " stands for [source." SOURCE
		    "], which the settings have as well; leave out one of "
		    "them");
	conninfo = conninfo_replace("", pairs, 2, e);
	if (conninfo == NULL)
		return err_wrap(e, "environment: " DB);
	rc = set_source(s, "type", "redshift", DB, e);
	if (rc == 0)
		rc = set_source(s, "conninfo", conninfo, DB, e);
	if (rc == 0)
		rc = set_source(s, "secret_arn", variable(SECRET), SECRET, e);
	conninfo_free(conninfo);
	return rc;
}

/* ---- the place ---- */

static bool is_bucket(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	size_t len = strlen(name);

	return len >= 3 && len <= 63 && strspn(name, letters) == len;
}

static int take_bucket(struct settings *s, struct err *e)
{
	const struct key *key = output_key();
	const char *bucket = variable(BUCKET);
	char *output;
	int rc;

	if (bucket == NULL)
		return 0;
	if (!is_bucket(bucket))
		return err_set(e, ERR_PERMANENT,
		    "environment: " BUCKET
		    " = %s: must be the name of a bucket: 3 to 63 of a-z, 0-9, "
		    "dot and -",
		    bucket);
	if (strcmp(s->output, key->def) != 0 || s->output_root != NULL)
		return err_set(e, ERR_PERMANENT,
		    "environment: " BUCKET
		    " says where outputs go, and so does [reportd] %s; leave "
		    "out one of them",
		    s->output_root ? "output_root" : "output");
	output = mem_printf("s3://%s/%s", bucket, key->def);
	rc = key_set(key, s, output, e);
	free(output);
	return rc;
}

const char *const short_names[] = {DB, USER, SECRET, BUCKET, NULL};

int short_take(struct settings *s, struct err *e)
{
	return take_source(s, e) != 0 ? -1 : take_bucket(s, e);
}
