/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "settings/settings.h"
#include "source/postgres/conninfo.h"

/* How a section logs in, as far as its settings tell. */
struct login {
	char *conninfo, *secret;
	char *user; /* that IAM is asked for; NULL: none */
};

static char *text_of(const struct source_config *config, const char *name)
{
	const struct key *k = source_type_key(config->type, name);
	json_t *v = k ? key_pack(k, config) : NULL;
	char *text = mem_strdup(json_string_value(v));

	json_decref(v);
	return text;
}

static struct login login_of(const struct source_config *config)
{
	return (struct login){text_of(config, "conninfo"),
	    text_of(config, "secret_arn"), text_of(config, "database_user")};
}

static void forget(struct login *l)
{
	mem_wipe(l->conninfo);
	free(l->secret);
	free(l->user);
}

/* Says whether both strings name this part in the same way. */
static bool same_part(const char *a, const char *b, const char *keyword)
{
	char *x = conninfo_get(a, keyword), *y = conninfo_get(b, keyword);
	bool same =
	    (x == NULL) == (y == NULL) && (x == NULL || strcmp(x, y) == 0);

	conninfo_free(x);
	conninfo_free(y);
	return same;
}

/* Compares what the settings say; the worker asks the catalogue, which knows
 * other spellings of a host as well. */
static bool same_login(const struct login *a, const struct login *b)
{
	static const char *const parts[] = {
	    "host", "hostaddr", "port", "dbname", "service"};

	if (a->conninfo == NULL || b->conninfo == NULL)
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (!same_part(a->conninfo, b->conninfo, parts[i]))
			return false;
	}
	if (a->secret != NULL && b->secret != NULL)
		return strcmp(a->secret, b->secret) == 0;
	if (a->user != NULL || b->user != NULL)
		return a->user != NULL && b->user != NULL &&
		       strcmp(a->user, b->user) == 0;
	return a->secret == NULL && b->secret == NULL &&
	       same_part(a->conninfo, b->conninfo, "user");
}

static bool is_login_of(
    const struct login *target, const struct source_settings *source)
{
	struct login other = login_of(source->config);
	bool same = same_login(target, &other);

	forget(&other);
	return same;
}

static bool is_login_of_queue(
    const struct login *target, const struct settings *s)
{
	return same_login(target,
	    &(struct login){s->queue_conninfo, s->queue_secret_arn, NULL});
}

int settings_check_target(const struct settings *s,
    const struct source_settings *target, struct err *e)
{
	struct login own = login_of(target->config);
	int rc = 0;

	if (is_login_of_queue(&own, s))
		rc = err_set(e, ERR_PERMANENT,
		    "target \"%s\" logs in as the queue does, which may change "
		    "every report; give [target.%s] a conninfo with a user of "
		    "its own",
		    target->name, target->name);
	for (int i = 0; rc == 0 && i < s->source_count; i++) {
		if (is_login_of(&own, &s->sources[i]))
			rc = err_set(e, ERR_PERMANENT,
			    "target \"%s\" logs in as source \"%s\" does, "
			    "whose SQL could then change the target's ledger; "
			    "give [target.%s] a user of its own",
			    target->name, s->sources[i].name, target->name);
	}
	forget(&own);
	return rc;
}
