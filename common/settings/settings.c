/* SPDX-License-Identifier: MIT */
#include "settings/settings.h"

#include <fnmatch.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "settings/settings_keys.h"
#include "settings/settings_sources.h"
#include "source/postgres/conninfo.h"

int settings_require_queue(const struct settings *s, struct err *e)
{
	if (s->queue_conninfo != NULL)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "[queue] conninfo is missing; write for example conninfo = "
	    "host=/run/postgresql dbname=reports");
}

void settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	sources_free(s);
	free(s->secret_variables);
	free(s->secret_bare);
	free(s->variables);
	free(s->winners);
	free(s->in_file);
	for (size_t i = 0; i < key_count; i++) {
		if (!keys_is_of_sources(&keys[i]))
			key_free(&keys[i], s);
	}
	free(s);
}

bool settings_allows(const char *list, const char *name)
{
	char *copy, *rest;
	bool allowed = false;

	copy = rest = mem_strdup(list ? list : "");
	for (char *one; !allowed && (one = strsep(&rest, ", \t")) != NULL;)
		allowed = *one != '\0' && fnmatch(one, name, FNM_CASEFOLD) == 0;
	free(copy);
	return allowed;
}

/* Returns the value of `host` in "HOST=VALUE, ...", or else the value of the
 * first HOST that is a pattern for it. Cuts `list` into its parts. */
static const char *value_for(char *list, const char *host)
{
	const char *found = NULL;

	for (char *one; (one = strsep(&list, ", \t")) != NULL;) {
		char *equals = strchr(one, '=');

		if (equals == NULL)
			continue;
		*equals = '\0';
		if (strcasecmp(one, host) == 0)
			return equals + 1;
		if (found == NULL && fnmatch(one, host, FNM_CASEFOLD) == 0)
			found = equals + 1;
	}
	return found;
}

char *settings_webhook_secret(const struct settings *s, const char *host)
{
	char *copy = mem_strdup(s->webhook_secrets ? s->webhook_secrets : "");
	size_t len = strlen(copy); /* it is cut into its parts */
	const char *found = value_for(copy, host);
	char *secret = found ? mem_strdup(found) : NULL;

	explicit_bzero(copy, len);
	free(copy);
	return secret;
}

static bool is_for(const struct key *k, enum settings_reader reader)
{
	if (strcmp(k->section, "queue") == 0 || keys_is_of_sources(k))
		return false;
	if (strcmp(k->section, "server") == 0)
		return reader == FOR_SERVER;
	for (int i = 0; shared_sections[i] != NULL; i++) {
		if (strcmp(k->section, shared_sections[i]) == 0)
			return true;
	}
	return reader == FOR_NOTICES;
}

char *settings_pack(const struct settings *s, enum settings_reader reader)
{
	json_t *all = json_object();
	char *text;

	for (size_t i = 0; i < key_count; i++) {
		char name[64];

		if (!is_for(&keys[i], reader))
			continue;
		snprintf(
		    name, sizeof(name), "%s.%s", keys[i].section, keys[i].name);
		/* A text that is not set is left out of the object: key_pack
		 * gives NULL. */
		json_object_set_new(all, name, key_pack(&keys[i], s));
	}
	text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	return text;
}

struct settings *settings_unpack(const json_t *packed)
{
	struct settings *s = mem_zalloc(sizeof(*s));

	for (size_t i = 0; i < key_count; i++) {
		char name[64];

		if (keys_is_of_sources(&keys[i]))
			continue;
		snprintf(
		    name, sizeof(name), "%s.%s", keys[i].section, keys[i].name);
		key_unpack(&keys[i], s, json_object_get(packed, name));
	}
	return s;
}

struct log settings_log(const struct settings *s)
{
	return (struct log){
	    .level = (enum log_level)s->log_level,
	    .target = (enum log_target)s->log_target,
	    .format = (enum log_format)s->log_format,
	};
}

void settings_describe(FILE *out)
{
	for (size_t i = 0; i < key_count; i++) {
		if (!keys_is_of_sources(&keys[i]))
			fprintf(out, "%s\t%s\t%s\t%s\n", keys[i].section,
			    keys[i].name, keys[i].def ? keys[i].def : "",
			    keys[i].about);
	}
	sources_describe(out);
}
