/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/table.h"
#include "export/option.h"

static json_t *describe_options(const struct option_rule *options)
{
	json_t *list = json_array();

	for (const struct option_rule *o = options; o->name; o++)
		json_array_append_new(
		    list, json_pack("{ss ss ss* ss so*}", "option", o->name,
			      "type", option_type(o), "allowed", o->allowed,
			      "about", o->about, "inside",
			      o->inside ? describe_options(o->inside) : NULL));
	return list;
}

/* Describes a format and all its options, in the order of their owners. */
static json_t *describe(const struct encoder_type *type)
{
	json_t *options = json_array();
	struct export_owners owners;

	export_owners_of(type, &owners);
	for (int i = 0; owners.list[i] != NULL; i++) {
		json_t *some = describe_options(owners.list[i]->rules);

		json_array_extend(options, some);
		json_decref(some);
	}
	return json_pack("{ss ss* ss ss sb so}", "format", type->name, "alias",
	    type->alias, "extension", type->extension, "media_type",
	    type->media_type, "one_section", type->one_section, "options",
	    options);
}

/* Makes a row of each option; a nested one is named by its path, such as
 * columns.NAME.width. */
static void flatten(const json_t *options, const char *path, json_t *rows)
{
	const json_t *one;
	size_t i;

	json_array_foreach(options, i, one)
	{
		const char *name = json_str(one, "option", "");
		const json_t *inside = json_object_get(one, "inside");
		bool array = strcmp(json_str(one, "type", ""), "array") == 0;
		char *full = mem_printf(
		    "%s%s", path, strcmp(name, "*") == 0 ? "NAME" : name);
		json_t *row = json_copy((json_t *)(uintptr_t)one);

		json_object_set_new(row, "option", json_string(full));
		json_array_append_new(rows, row);
		if (inside != NULL) {
			char *below =
			    mem_printf("%s%s", full, array ? "[]" : ".");

			flatten(inside, below, rows);
			free(below);
		}
		free(full);
	}
}

static void print_text(const json_t *formats)
{
	static const struct table_column columns[] = {
	    {.title = "OPTION", .key = "option"},
	    {.title = "TYPE", .key = "type"},
	    {.title = "ONE OF", .key = "allowed"},
	    {.title = "MEANING", .key = "about"},
	    {.title = NULL},
	};
	const json_t *one;
	size_t i;

	json_array_foreach(formats, i, one)
	{
		const char *alias = json_str(one, "alias", NULL);
		json_t *rows = json_array();

		flatten(json_object_get(one, "options"), "", rows);
		printf("%s%s (.%s)%s%s%s\n\n", i ? "\n" : "",
		    json_str(one, "format", ""), json_str(one, "extension", ""),
		    alias ? ", also " : "", alias ? alias : "",
		    json_bool(one, "one_section", false)
			? ", one file a statement"
			: "");
		table_print(stdout, columns, rows, 0);
		json_decref(rows);
	}
}

static void print_literal(const char *text)
{
	putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			putchar('\'');
		putchar(*text);
	}
	putchar('\'');
}

/* ---- SQL ---- */

struct owners {
	const struct option_owner *list[32];
	int count;
};

static void note_owner(struct owners *all, const struct option_owner *one)
{
	for (int i = 0; i < all->count; i++) {
		if (all->list[i] == one)
			return;
	}
	all->list[all->count++] = one;
}

/* Prints each owner of options once, even when several formats take its
 * options. */
static void print_owners(void)
{
	struct owners all = {.count = 0};
	const struct encoder_type *type;

	for (int n = 0; (type = encoder_type_at(n)) != NULL; n++) {
		struct export_owners some;

		export_owners_of(type, &some);
		for (int i = 0; some.list[i] != NULL; i++)
			note_owner(&all, some.list[i]);
	}
	for (int i = 0; i < all.count; i++) {
		json_t *options = describe_options(all.list[i]->rules);
		char *text = json_dumps(options, JSON_INDENT(1));

		printf("%s('%s', ", i ? ",\n" : "", all.list[i]->name);
		print_literal(text);
		fputs("::jsonb)", stdout);
		free(text);
		json_decref(options);
	}
}

static void print_owners_of(const struct encoder_type *type)
{
	struct export_owners owners;

	export_owners_of(type, &owners);
	fputs("'{", stdout);
	for (int i = 0; owners.list[i] != NULL; i++)
		printf("%s%s", i ? "," : "", owners.list[i]->name);
	fputs("}'::text[])", stdout);
}

static void print_formats(void)
{
	const struct encoder_type *type;

	for (int n = 0; (type = encoder_type_at(n)) != NULL; n++) {
		const char *single = type->one_section ? "true" : "false";

		printf("%s('%s', null, '%s', %s, ", n ? ",\n" : "", type->name,
		    type->extension, single);
		print_owners_of(type);
		if (type->alias != NULL)
			printf(",\n('%s', '%s', '%s', %s, '{}')", type->alias,
			    type->name, type->extension, single);
	}
}

/* Prints sql/upgrade/008-first/reports/formats.sql; a test compares that file with this
 * output. */
static void print_sql(void)
{
	puts("-- SPDX-License-Identifier: MIT\n"
	     "-- The formats and their options, for the checks of INSERT; made "
	     "by `reportctl\n"
	     "-- formats --sql`. An option stands here once, by its owner, and "
	     "a format has\n"
	     "-- the options of all its owners.\n\n"
	     "with output_option (owner, options) as (values");
	print_owners();
	puts("\n),\nformat (format, alias_of, extension, one_section, owners) "
	     "as (values");
	print_formats();
	puts("\n)\n"
	     "insert into reportd.output_format (format, alias_of, extension, "
	     "one_section, options)\n"
	     "select f.format, f.alias_of, f.extension, f.one_section, "
	     "coalesce((\n"
	     "\tselect jsonb_agg(o.option order by w.place, o.place)\n"
	     "\tfrom unnest(f.owners) with ordinality w (owner, place)\n"
	     "\tjoin output_option using (owner),\n"
	     "\tjsonb_array_elements(output_option.options) with ordinality o "
	     "(option, place)), '[]')\n"
	     "from format f;");
}

/* Describes the formats that are named, or all when none is. */
static int add_formats(
    struct ctl *c, char **names, json_t *formats, struct err *e)
{
	const struct encoder_type *type;

	for (int n = 0; *names == NULL && (type = encoder_type_at(n)); n++)
		json_array_append_new(formats, describe(type));
	for (; *names != NULL; names++) {
		type = encoder_type_named(*names);
		if (type == NULL)
			return options_refuse(c, e,
			    "there is no format \"%s\"; `reportctl formats` "
			    "lists them",
			    *names);
		json_array_append_new(formats, describe(type));
	}
	return 0;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"sql", no_argument, NULL, 'S'},
	    OPTIONS_COMMON,
	};
	bool sql = false;
	json_t *formats;
	int o;

	while ((o = options_next(c, argc, argv, "", table)) != -1) {
		if (o != 'S')
			return -1;
		sql = true;
	}
	if (sql && optind < argc)
		return options_refuse(
		    c, e, "--sql is about all formats; name none with it");
	if (sql) {
		print_sql();
		return 0;
	}
	formats = json_array();
	if (add_formats(c, argv + optind, formats, e) != 0) {
		json_decref(formats);
		return -1;
	}
	if (c->json) {
		connect_print_json(formats);
		return 0;
	}
	print_text(formats);
	json_decref(formats);
	return 0;
}

const struct command command_formats = {
    .name = "formats",
    .summary = "Lists the output formats and their options",
    .arguments = "[FORMAT...] [--sql]",
    .details = "      --sql             as rows of reportd.output_format, all "
	       "of them\n",
    .run = run,
};
