/* SPDX-License-Identifier: MIT */
#include "settings/sources.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/type.h"

/* A key as it was written, with its place in the settings. */
struct given {
	struct given *next;
	char *key, *value, *place;
};

/* ---- all keys: the common ones, then those of the types ---- */

static bool is_common(const struct key *k)
{
	return strcmp(k->section, "source") == 0;
}

/* Says whether a type before the i-th has a key of this name. */
static bool is_known_before(size_t i, const char *name)
{
	while (i-- > 0) {
		if (source_type_key(source_type_at(i), name) != NULL)
			return true;
	}
	return false;
}

/* Returns the key with index *at and increments *at; each name occurs once.
 * NULL at the end. */
static const struct key *next_key(size_t *at)
{
	const struct source_type *type;
	size_t n = (*at)++;

	for (size_t i = 0; i < key_count; i++) {
		if (is_common(&keys[i]) && n-- == 0)
			return &keys[i];
	}
	for (size_t i = 0; (type = source_type_at(i)) != NULL; i++) {
		for (size_t k = 0; k < type->key_count; k++) {
			if (!is_known_before(i, type->keys[k].name) && n-- == 0)
				return &type->keys[k];
		}
	}
	return NULL;
}

static const struct key *key_named(const char *name)
{
	const struct key *k;
	size_t at = 0;

	while ((k = next_key(&at)) != NULL && strcmp(k->name, name) != 0)
		;
	return k;
}

const char *sources_key_at_end(const char *text)
{
	size_t len = strlen(text), longest = 0, at = 0;
	const char *found = NULL;
	const struct key *k;

	while ((k = next_key(&at)) != NULL) {
		size_t n = strlen(k->name);

		if (n > longest && len >= n + 2 && text[len - n - 1] == '_' &&
		    strcmp(text + len - n, k->name) == 0) {
			found = k->name;
			longest = n;
		}
	}
	return found;
}

void sources_list_keys(struct buf *b)
{
	const struct key *k;
	size_t at = 0;

	while ((k = next_key(&at)) != NULL)
		buf_printf(b, "%s%s", b->len ? ", " : "", k->name);
}

void sources_describe(FILE *out)
{
	const struct key *k;
	size_t at = 0;

	while ((k = next_key(&at)) != NULL)
		fprintf(out, "source\t%s\t%s\t%s\n", k->name,
		    k->def ? k->def : "", k->about);
}

bool sources_holds_secret(const char *key, const char *value)
{
	const struct source_type *type;

	for (size_t i = 0; (type = source_type_at(i)) != NULL; i++) {
		const struct key *k = source_type_key(type, key);

		if (k != NULL && k->type == T_SECRET)
			return type->holds_secret
				   ? type->holds_secret(key, value)
				   : *value != '\0';
	}
	return false;
}

/* ---- reading ---- */

static void set_defaults(struct source_settings *source)
{
	for (size_t i = 0; i < key_count; i++) {
		if (is_common(&keys[i]))
			key_set_default(&keys[i], source);
	}
}

struct source_settings *sources_entry(struct settings *s, const char *name)
{
	struct source_settings *entry =
	    (struct source_settings *)(uintptr_t)settings_source(s, name);

	if (entry != NULL)
		return entry;
	s->sources = mem_realloc(
	    s->sources, (size_t)s->source_count + 1, sizeof(*s->sources));
	entry = &s->sources[s->source_count++];
	*entry = (struct source_settings){.name = mem_strdup(name)};
	set_defaults(entry);
	return entry;
}

static void wipe(char *text)
{
	explicit_bzero(text, strlen(text));
	free(text);
}

static void free_given(struct source_settings *source)
{
	struct given *next;

	for (struct given *g = source->given; g != NULL; g = next) {
		next = g->next;
		wipe(g->value);
		free(g->key);
		free(g->place);
		free(g);
	}
	source->given = NULL;
}

/* Keeps a value; a later one replaces an earlier one. */
static void keep(struct source_settings *source, const char *key,
    const char *value, const char *place)
{
	struct given **at = &source->given, *g;

	while (*at != NULL && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	g = *at;
	if (g == NULL) {
		g = *at = mem_zalloc(sizeof(*g));
		g->key = mem_strdup(key);
	} else {
		wipe(g->value);
		free(g->place);
	}
	g->value = mem_strdup(value);
	g->place = mem_strdup(place);
}

int sources_set(struct settings *s, const char *name, const char *key,
    const char *value, const char *place, struct err *e)
{
	const struct key *k = key_named(key);
	struct source_settings *source;

	if (k == NULL)
		return 1;
	source = sources_entry(s, name);
	if (k >= keys && k < keys + key_count)
		return key_set(k, source, value, e);
	keep(source, key, value, place);
	return 0;
}

/* Refuses a key that the source's type lacks and lists the types that have it:
 * "a or b". */
static int refuse_key(const char *section, const struct given *g, struct err *e)
{
	const struct source_type *type;
	struct buf which;

	buf_init(&which, 1024);
	for (size_t i = 0; (type = source_type_at(i)) != NULL; i++) {
		if (source_type_key(type, g->key) != NULL)
			buf_printf(&which, "%s%s", which.len ? " or " : "",
			    type->name);
	}
	err_set(e, ERR_PERMANENT, "%s: [source.%s] %s: needs type = %s",
	    g->place, section, g->key, which.data);
	buf_free(&which);
	return -1;
}

static int read_given(struct source_settings *source, struct err *e)
{
	for (const struct given *g = source->given; g != NULL; g = g->next) {
		const struct key *k =
		    source_type_key(source->config->type, g->key);

		if (k == NULL && *g->value == '\0')
			continue;
		if (k == NULL)
			return refuse_key(source->name, g, e);
		if (key_set(k, source->config, g->value, e) != 0)
			return err_wrap(e, "%s", g->place);
	}
	free_given(source);
	return 0;
}

static int refuse_type(const struct source_settings *source, struct err *e)
{
	const struct source_type *type;
	struct buf known;

	buf_init(&known, 1024);
	for (size_t i = 0; (type = source_type_at(i)) != NULL; i++)
		buf_printf(&known, "%s%s", i ? ", " : "", type->name);
	err_set(e, ERR_PERMANENT, "[source.%s] type = %s: must be one of %s",
	    source->name, source->type, known.data);
	buf_free(&known);
	return -1;
}

static int open_config(struct source_settings *source, struct err *e)
{
	const struct source_type *type = source_type_named(source->type);

	if (type == NULL)
		return refuse_type(source, e);
	source->config = source_config_open(type, source->name);
	return 0;
}

static int check_config(
    const struct settings *s, struct source_settings *source, struct err *e)
{
	const struct source_queue queue = {
	    s->queue_conninfo, s->queue_secret_arn};
	const struct source_type *type = source->config->type;

	source->of_queue = strcmp(source->name, "default") == 0 &&
			   type->take_queue != NULL &&
			   type->take_queue(source->config, &queue);
	if (source->of_queue && queue.conninfo == NULL)
		return 0;
	return type->check(source->config, e);
}

int sources_resolve(struct settings *s, const char *where, struct err *e)
{
	sources_entry(s, "default");
	for (int i = 0; i < s->source_count; i++) {
		struct source_settings *source = &s->sources[i];

		if (open_config(source, e) != 0)
			return err_wrap(e, "%s", where);
		if (read_given(source, e) != 0)
			return -1;
		if (check_config(s, source, e) != 0)
			return err_wrap(e, "%s", where);
	}
	return 0;
}

/* ---- complete sources ---- */

static void free_members(struct source_settings *source)
{
	for (size_t i = 0; i < key_count; i++) {
		if (is_common(&keys[i]))
			key_free(&keys[i], source);
	}
	free_given(source);
	source_config_free(source->config);
	free(source->name);
}

void settings_free_source(struct source_settings *source)
{
	if (source == NULL)
		return;
	free_members(source);
	free(source);
}

void sources_free(struct settings *s)
{
	for (int i = 0; i < s->source_count; i++)
		free_members(&s->sources[i]);
	free(s->sources);
}

char *settings_pack_source(const struct source_settings *source)
{
	json_t *all = json_pack("{ss}", "name", source->name);
	char *text;

	for (size_t i = 0; i < key_count; i++) {
		if (is_common(&keys[i]))
			json_object_set_new(
			    all, keys[i].name, key_pack(&keys[i], source));
	}
	source_config_pack(source->config, all);
	text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	return text;
}

struct source_settings *settings_unpack_source(
    const json_t *packed, struct err *e)
{
	const char *name = json_str(packed, "name", "");
	const struct source_type *type =
	    source_type_named(json_str(packed, "type", ""));
	struct source_settings *source;

	if (type == NULL) {
		err_set(e, ERR_PERMANENT, "unknown source type \"%s\"",
		    json_str(packed, "type", ""));
		return NULL;
	}
	source = mem_zalloc(sizeof(*source));
	source->name = mem_strdup(name);
	for (size_t i = 0; i < key_count; i++) {
		if (is_common(&keys[i]))
			key_unpack(&keys[i], source,
			    json_object_get(packed, keys[i].name));
	}
	source->config = source_config_unpack(type, name, packed);
	return source;
}

const struct source_settings *settings_source(
    const struct settings *s, const char *name)
{
	for (int i = 0; i < s->source_count; i++) {
		if (strcmp(s->sources[i].name, name) == 0)
			return &s->sources[i];
	}
	return NULL;
}

int settings_check_source(const struct settings *s,
    const struct source_settings *source, struct err *e)
{
	const struct source_queue queue = {
	    s->queue_conninfo, s->queue_secret_arn};
	const struct source_type *type = source->config->type;

	if (source->trusted || type->is_queue == NULL ||
	    !type->is_queue(source->config, &queue))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "source \"%s\" is the queue's own login, which may change every "
	    "report; give [source.%s] a conninfo with a user of its own, or "
	    "write trusted = on there if all who write reports may do that",
	    source->name, source->name);
}
