/* SPDX-License-Identifier: MIT */
#include "settings/settings_sources.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/type.h"

/* A key as it was written, with its place in the settings. */
struct given {
	struct given *next;
	char *key, *value, *place;
};

/* ---- all keys of a kind: the common ones, then those of the types ---- */

const char *sources_kind(const char *section, const char **name)
{
	static const char *const kinds[] = {"source", "target"};

	for (size_t i = 0; i < 2; i++) {
		size_t len = strlen(kinds[i]);

		if (strncmp(section, kinds[i], len) == 0 &&
		    section[len] == '.') {
			*name = section + len + 1;
			return kinds[i];
		}
	}
	return NULL;
}

static bool is_target(const char *kind)
{
	return strcmp(kind, "target") == 0;
}

static bool is_common(const struct key *k, const char *kind)
{
	return strcmp(k->section, kind) == 0;
}

/* Returns the i-th type that a section of this kind may have; NULL after the
 * last. */
static const struct source_type *type_at(const char *kind, size_t i)
{
	const struct source_type *type;

	for (size_t at = 0; (type = source_type_at(at)) != NULL; at++) {
		if (is_target(kind) && (type->abilities & SOURCE_TARGET) == 0)
			continue;
		if (i-- == 0)
			return type;
	}
	return NULL;
}

/* Says whether a type before the i-th has a key of this name. */
static bool is_known_before(const char *kind, size_t i, const char *name)
{
	while (i-- > 0) {
		if (source_type_key(type_at(kind, i), name) != NULL)
			return true;
	}
	return false;
}

/* Returns the key with index *at and increments *at; each name occurs once.
 * NULL at the end. */
static const struct key *next_key(const char *kind, size_t *at)
{
	const struct source_type *type;
	size_t n = (*at)++;

	for (size_t i = 0; i < key_count; i++) {
		if (is_common(&keys[i], kind) && n-- == 0)
			return &keys[i];
	}
	for (size_t i = 0; (type = type_at(kind, i)) != NULL; i++) {
		for (size_t k = 0; k < type->key_count; k++) {
			const char *section = type->keys[k].section;

			if ((*section == '\0' || strcmp(section, kind) == 0) &&
			    !is_known_before(kind, i, type->keys[k].name) &&
			    n-- == 0)
				return &type->keys[k];
		}
	}
	return NULL;
}

static const struct key *key_named(const char *kind, const char *name)
{
	const struct key *k;
	size_t at = 0;

	while ((k = next_key(kind, &at)) != NULL && strcmp(k->name, name) != 0)
		;
	return k;
}

const char *sources_key_at_end(const char *kind, const char *text)
{
	size_t len = strlen(text), longest = 0, at = 0;
	const char *found = NULL;
	const struct key *k;

	while ((k = next_key(kind, &at)) != NULL) {
		size_t n = strlen(k->name);

		if (n > longest && len >= n + 2 && text[len - n - 1] == '_' &&
		    strcmp(text + len - n, k->name) == 0) {
			found = k->name;
			longest = n;
		}
	}
	return found;
}

void sources_list_keys(const char *kind, struct buf *b)
{
	const struct key *k;
	size_t at = 0;

	while ((k = next_key(kind, &at)) != NULL)
		buf_printf(b, "%s%s", b->len ? ", " : "", k->name);
}

static void describe(FILE *out, const char *kind)
{
	const struct key *k;
	size_t at = 0;

	while ((k = next_key(kind, &at)) != NULL)
		fprintf(out, "%s\t%s\t%s\t%s\n", kind, k->name,
		    k->def ? k->def : "", k->about);
}

void sources_describe(FILE *out)
{
	describe(out, "source");
	describe(out, "target");
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
		if (is_common(&keys[i], source->section))
			key_set_default(&keys[i], source);
	}
}

/* Adds an entry to a list. */
static struct source_settings *add(
    struct source_settings **list, int *count, const char *kind)
{
	struct source_settings *entry;

	*list = mem_realloc(*list, (size_t)*count + 1, sizeof(**list));
	entry = &(*list)[(*count)++];
	*entry = (struct source_settings){.section = kind};
	return entry;
}

/* Returns the entry of this name, which is made when it is new. */
static struct source_settings *entry_of(
    struct settings *s, const char *kind, const char *name)
{
	const struct source_settings *known = is_target(kind)
						  ? settings_target(s, name)
						  : settings_source(s, name);
	struct source_settings *entry =
	    (struct source_settings *)(uintptr_t)known;

	if (entry != NULL)
		return entry;
	entry = is_target(kind) ? add(&s->targets, &s->target_count, kind)
				: add(&s->sources, &s->source_count, kind);
	entry->name = mem_strdup(name);
	set_defaults(entry);
	return entry;
}

static void free_given(struct source_settings *source)
{
	struct given *next;

	for (struct given *g = source->given; g != NULL; g = next) {
		next = g->next;
		mem_wipe(g->value);
		free(g->key);
		free(g->place);
		free(g);
	}
	source->given = NULL;
}

/* Keeps a value; a later one replaces an earlier one. */
static void keep(struct source_settings *source, const struct sources_key *one)
{
	struct given **at = &source->given, *g;

	while (*at != NULL && strcmp((*at)->key, one->key) != 0)
		at = &(*at)->next;
	g = *at;
	if (g == NULL) {
		g = *at = mem_zalloc(sizeof(*g));
		g->key = mem_strdup(one->key);
	} else {
		mem_wipe(g->value);
		free(g->place);
	}
	g->value = mem_strdup(one->value);
	g->place = mem_strdup(one->place);
}

int sources_set(
    struct settings *s, const struct sources_key *given, struct err *e)
{
	const struct key *k = key_named(given->kind, given->key);
	struct source_settings *source;

	if (k == NULL)
		return 1;
	source = entry_of(s, given->kind, given->name);
	if (k >= keys && k < keys + key_count)
		return key_set(k, source, given->value, e);
	keep(source, given);
	return 0;
}

bool sources_is_given(const struct source_settings *source)
{
	return source->given != NULL || strcmp(source->type, "postgres") != 0;
}

/* Refuses a key that the source's type lacks and lists the types that have it:
 * "a or b". */
static int refuse_key(
    const struct source_settings *source, const struct given *g, struct err *e)
{
	const struct source_type *type;
	struct buf which;

	buf_init(&which, 1024);
	for (size_t i = 0; (type = type_at(source->section, i)) != NULL; i++) {
		if (source_type_key(type, g->key) != NULL)
			buf_printf(&which, "%s%s", which.len ? " or " : "",
			    type->name);
	}
	err_set(e, ERR_PERMANENT, "%s: [%s.%s] %s: needs type = %s", g->place,
	    source->section, source->name, g->key, which.data);
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
			return refuse_key(source, g, e);
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
	for (size_t i = 0; (type = type_at(source->section, i)) != NULL; i++)
		buf_printf(&known, "%s%s", i ? ", " : "", type->name);
	err_set(e, ERR_PERMANENT, "[%s.%s] type = %s: must be one of %s",
	    source->section, source->name, source->type, known.data);
	buf_free(&known);
	return -1;
}

static int open_config(struct source_settings *source, struct err *e)
{
	const struct source_type *type = source_type_named(source->type);

	if (type == NULL || (is_target(source->section) &&
				(type->abilities & SOURCE_TARGET) == 0))
		return refuse_type(source, e);
	source->config = source_config_open(type, source->name);
	source->config->section = source->section;
	return 0;
}

static int check_config(
    const struct settings *s, struct source_settings *source, struct err *e)
{
	const struct source_queue queue = {
	    s->queue_conninfo, s->queue_secret_arn};
	const struct source_type *type = source->config->type;

	source->of_queue = !is_target(source->section) &&
			   strcmp(source->name, "default") == 0 &&
			   type->take_queue != NULL &&
			   type->take_queue(source->config, &queue);
	if (source->of_queue && queue.conninfo == NULL)
		return 0;
	return type->check(source->config, e);
}

static int resolve(const struct settings *s, struct source_settings *source,
    const char *where, struct err *e)
{
	if (open_config(source, e) != 0)
		return err_wrap(e, "%s", where);
	if (read_given(source, e) != 0)
		return -1;
	if (check_config(s, source, e) != 0)
		return err_wrap(e, "%s", where);
	source->packed = settings_pack_source(source);
	return 0;
}

int sources_resolve(struct settings *s, const char *where, struct err *e)
{
	entry_of(s, "source", "default");
	for (int i = 0; i < s->source_count; i++) {
		if (resolve(s, &s->sources[i], where, e) != 0)
			return -1;
	}
	for (int i = 0; i < s->target_count; i++) {
		if (resolve(s, &s->targets[i], where, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- complete sources ---- */

static void free_members(struct source_settings *source)
{
	for (size_t i = 0; i < key_count; i++) {
		if (is_common(&keys[i], source->section))
			key_free(&keys[i], source);
	}
	free_given(source);
	source_config_free(source->config);
	mem_wipe(source->packed);
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
	for (int i = 0; i < s->target_count; i++)
		free_members(&s->targets[i]);
	free(s->sources);
	free(s->targets);
}

char *settings_pack_source(const struct source_settings *source)
{
	json_t *all = json_pack(
	    "{ss ss}", "section", source->section, "name", source->name);
	char *text;

	for (size_t i = 0; i < key_count; i++) {
		if (is_common(&keys[i], source->section))
			json_object_set_new(
			    all, keys[i].name, key_pack(&keys[i], source));
	}
	source_config_pack(source->config, all);
	text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	return text;
}

static struct source_settings *unpack(
    const json_t *packed, const struct source_type *type)
{
	const char *name = json_str(packed, "name", "");
	struct source_settings *source = mem_zalloc(sizeof(*source));

	source->name = mem_strdup(name);
	source->section =
	    is_target(json_str(packed, "section", "")) ? "target" : "source";
	for (size_t i = 0; i < key_count; i++) {
		if (is_common(&keys[i], source->section))
			key_unpack(&keys[i], source,
			    json_object_get(packed, keys[i].name));
	}
	source->config = source_config_unpack(type, name, packed);
	source->config->section = source->section;
	return source;
}

struct source_settings *settings_unpack_source(
    const char *packed, struct err *e)
{
	json_t *all = json_loads(packed, 0, NULL);
	const struct source_type *type =
	    source_type_named(json_str(all, "type", ""));
	struct source_settings *source = NULL;

	if (type != NULL)
		source = unpack(all, type);
	else
		err_set(e, ERR_PERMANENT, "unknown source type \"%s\"",
		    json_str(all, "type", ""));
	json_decref(all);
	return source;
}

static const struct source_settings *named(
    const struct source_settings *list, int count, const char *name)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

const struct source_settings *settings_source(
    const struct settings *s, const char *name)
{
	return named(s->sources, s->source_count, name);
}

const struct source_settings *settings_target(
    const struct settings *s, const char *name)
{
	return named(s->targets, s->target_count, name);
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
