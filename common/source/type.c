/* SPDX-License-Identifier: MIT */
#include "source/type.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "source/types.h"

#define DECLARE(name) extern const struct source_type source_type_##name;
SOURCE_TYPES(DECLARE)

static const struct source_type *const types[] = {
#define POINTER(name) &source_type_##name,
    SOURCE_TYPES(POINTER)};

const struct source_type *source_type_at(size_t i)
{
	return i < sizeof(types) / sizeof(*types) ? types[i] : NULL;
}

const struct source_type *source_type_named(const char *name)
{
	const struct source_type *type;
	size_t i = 0;

	while ((type = source_type_at(i++)) != NULL) {
		if (strcmp(type->name, name) == 0)
			break;
	}
	return type;
}

/* Lists the types that have the ability: "Redshift", "PostgreSQL or
 * Redshift". */
static void list_able(unsigned ability, struct buf *out)
{
	const struct source_type *type;

	for (size_t i = 0; (type = source_type_at(i)) != NULL; i++) {
		if ((type->abilities & ability) != 0)
			buf_printf(
			    out, "%s%s", out->len ? " or " : "", type->product);
	}
}

int source_type_check(
    const struct source_config *config, unsigned needed, struct err *e)
{
	static const struct {
		unsigned ability;
		const char *subject, *verb, *mend;
	} all[] = {
	    {SOURCE_SCRIPT, "prep_sql", "show what it leaves to the export",
		"Leave it out"},
	    {SOURCE_SNAPSHOT, "several statements",
		"read those of export_sql and result_sql in one snapshot",
		"Make a report of each statement, or set \"snapshot\": false "
		"in output_options"},
	    {SOURCE_UNLOAD, "unload", "unload", "Leave the option out"},
	    {SOURCE_HORIZON, ":'horizon'", "tell it", "Set horizon_overlap"},
	    {SOURCE_FILES, "inputs as relations", "read files",
		"Read the addresses in :'NAME__files'"},
	    {SOURCE_TARGET, "a target", "be one", "Name another type"},
	    {SOURCE_INBOX, "[inbox] source", "have it",
		"Name a source of such a type"},
	};
	unsigned lacks = needed & ~config->type->abilities;
	struct buf able;
	size_t i = 0;

	if (lacks == 0)
		return 0;
	while ((all[i].ability & lacks) == 0)
		i++;
	buf_init(&able, 1024);
	list_able(all[i].ability, &able);
	err_set(e, ERR_PERMANENT,
	    "%s: [source.%s] is of type %s; only %s can %s. %s", all[i].subject,
	    config->name, config->type->name, able.data, all[i].verb,
	    all[i].mend);
	buf_free(&able);
	return -1;
}

/* ---- unload ---- */

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *s = words; len > 0 && (s = strstr(s, word)) != NULL;
	     s++) {
		if ((s == words || s[-1] == ' ') &&
		    (s[len] == ',' || s[len] == '\0'))
			return true;
	}
	return false;
}

static int refuse_format(
    const struct source_type *type, const char *format, struct err *e)
{
	struct buf known;

	buf_init(&known, 1024);
	for (const struct source_unloads *u = type->unloads; u->format != NULL;
	     u++)
		buf_printf(&known, "%s%s",
		    u == type->unloads    ? ""
		    : u[1].format == NULL ? " and "
					  : ", ",
		    u->format);
	err_set(e, ERR_PERMANENT, "unload: %s cannot write %s; it can %s",
	    type->product, format, known.data);
	buf_free(&known);
	return -1;
}

int source_type_check_unload(const struct source_type *type, const char *format,
    const json_t *options, struct err *e)
{
	const struct source_unloads *u = type->unloads;
	const char *key;
	json_t *value;

	while (u->format != NULL && strcmp(u->format, format) != 0)
		u++;
	if (u->format == NULL)
		return refuse_format(type, format, e);
	json_object_foreach((json_t *)(uintptr_t)options, key, value)
	{
		if (strcmp(key, "unload") != 0 && !has_word(u->options, key))
			return err_set(e, ERR_PERMANENT,
			    "unload: %s cannot do \"%s\" when it writes %s; "
			    "it can %s",
			    type->product, key, format, u->options);
	}
	return 0;
}

const struct key *source_type_key(
    const struct source_type *type, const char *name)
{
	for (size_t i = 0; i < type->key_count; i++) {
		if (strcmp(type->keys[i].name, name) == 0)
			return &type->keys[i];
	}
	return NULL;
}

struct source_config *source_config_open(
    const struct source_type *type, const char *name)
{
	struct source_config *config = mem_zalloc(type->size);

	config->type = type;
	config->name = mem_strdup(name);
	config->section = "source";
	for (size_t i = 0; i < type->key_count; i++)
		key_set_default(&type->keys[i], config);
	return config;
}

void source_config_free(struct source_config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->type->key_count; i++)
		key_free(&config->type->keys[i], config);
	free(config->name);
	free(config);
}

void source_config_pack(const struct source_config *config, json_t *object)
{
	const struct source_type *type = config->type;

	/* A text that is not set is left out of the object: key_pack gives NULL
	 * for it. */
	for (size_t i = 0; i < type->key_count; i++)
		json_object_set_new(object, type->keys[i].name,
		    key_pack(&type->keys[i], config));
}

struct source_config *source_config_unpack(
    const struct source_type *type, const char *name, const json_t *packed)
{
	struct source_config *config = source_config_open(type, name);

	for (size_t i = 0; i < type->key_count; i++)
		key_unpack(&type->keys[i], config,
		    json_object_get(packed, type->keys[i].name));
	return config;
}
