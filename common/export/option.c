/* SPDX-License-Identifier: MIT */
#include "export/option.h"

#include <assert.h>
#include <string.h>

#include "export/partition.h"
#include "place/scheme.h"
#include "sink/compress.h"

static const struct option_rule section_name[] = {
    {"*", JSON_STRING, NULL, "its name", NULL}, OPTION_END};

/* Options about the query, not about the format of its rows. */
static const struct option_rule section_rules[] = {
    {"sections", JSON_ARRAY, NULL,
	"a name for the result of each statement; {section} in output_path",
	section_name},
    OPTION_END};
static const struct option_owner sections = {"sections", section_rules, NULL};

static const struct option_rule row_rules[] = {
    {"max_rows", JSON_INTEGER, "1..1000000000000",
	"no more rows of each query than this; the run says that there were "
	"more",
	NULL},
    {"skip_if_empty", JSON_TRUE, NULL,
	"make no output when there are no rows; default false", NULL},
    {"snapshot", JSON_TRUE, NULL,
	"false: where the source has no snapshot, each statement may read a "
	"state of the data of its own; default true",
	NULL},
    OPTION_END};
static const struct option_owner rows = {"rows", row_rules, NULL};

static const struct option_rule unload_rules[] = {
    {"unload", JSON_TRUE, NULL,
	"let the source (Redshift, Snowflake or Athena) write the result into "
	"S3 itself; the output is the manifest of its objects; default false",
	NULL},
    OPTION_END};
static const struct option_owner unload = {"unload", unload_rules, NULL};

static bool always(const struct encoder_type *type)
{
	(void)type;
	return true;
}

/* Names of results are for sheets and for files. */
static bool has_sections(const struct encoder_type *type)
{
	return place_takes(place_scheme_of(""), type->name);
}

static bool is_text(const struct encoder_type *type)
{
	return type->text;
}

static bool is_tree(const struct encoder_type *type)
{
	return type->tree;
}

static bool may_unload(const struct encoder_type *type)
{
	return type->unload;
}

/* The owners that are neither encoders nor places; those have tables of their
 * own. */
static const struct {
	const struct option_owner *owner;
	bool (*is_for)(const struct encoder_type *type);
} others[] = {
    {&sections, has_sections},
    {&rows, always},
    {&partition_options, is_tree},
    {&compress_options, is_text},
    {&unload, may_unload},
};

static void add(struct export_owners *to, int *n, const struct option_owner *o)
{
	assert(*n < EXPORT_OWNERS - 1);
	to->list[(*n)++] = o;
}

void export_owners_of(const struct encoder_type *type, struct export_owners *to)
{
	const struct place_scheme *place;
	int n = 0;

	*to = (struct export_owners){0};
	for (int i = 0; type->options[i] != NULL; i++)
		add(to, &n, type->options[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (others[i].is_for(type))
			add(to, &n, others[i].owner);
	}
	for (int i = 0; (place = place_scheme_at(i)) != NULL; i++) {
		if (place->options != NULL && place_takes(place, type->name))
			add(to, &n, place->options);
	}
}

int export_check_keys(
    const struct encoder_type *type, const json_t *options, struct err *e)
{
	struct export_owners owners;

	export_owners_of(type, &owners);
	return option_check_keys(type->name, owners.list, options, e);
}

int export_check_options(
    const struct encoder_type *type, const json_t *options, struct err *e)
{
	struct export_owners owners;

	export_owners_of(type, &owners);
	return option_check_keys(type->name, owners.list, options, e) != 0
		   ? -1
		   : option_check_together(owners.list, options, e);
}

static json_t *known_inside(
    const struct option_rule *rule, const json_t *value);

static json_t *known_keys(const struct option_rule *rules, const json_t *object)
{
	json_t *known = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		const struct option_rule *rule = option_find(rules, key);

		if (rule != NULL)
			json_object_set_new(
			    known, key, known_inside(rule, value));
	}
	return known;
}

static json_t *known_inside(const struct option_rule *rule, const json_t *value)
{
	return rule->type == JSON_OBJECT && rule->inside != NULL &&
		       json_is_object(value)
		   ? known_keys(rule->inside, value)
		   : json_incref((json_t *)(uintptr_t)value);
}

json_t *export_known_options(
    const struct encoder_type *type, const json_t *options)
{
	json_t *known = json_object(), *value;
	struct export_owners owners;
	const char *key;

	export_owners_of(type, &owners);
	json_object_foreach((json_t *)(uintptr_t)options, key, value)
	{
		const struct option_rule *rule =
		    option_find_owned(owners.list, key);

		if (rule != NULL)
			json_object_set_new(
			    known, key, known_inside(rule, value));
	}
	return known;
}

int export_check_own(const char *name, const json_t *own, struct err *e)
{
	static const struct option_owner *const shared[] = {
	    &rows, &sections, NULL};
	const char *key;
	json_t *value;

	if (!json_is_object(own))
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"%s\" must be an object", name);
	json_object_foreach((json_t *)(uintptr_t)own, key, value)
	{
		if (option_find_owned(shared, key) != NULL)
			return err_set(e, ERR_PERMANENT,
			    "output_options: \"%s\" is for all formats alike; "
			    "put it beside \"%s\"",
			    key, name);
	}
	return 0;
}
