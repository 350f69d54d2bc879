/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/table.h"
#include "encode/encoder.h"

static json_t *describe_options(const struct encoder_option *options)
{
	json_t *list = json_array();

	for (const struct encoder_option *o = options; o->name; o++)
		json_array_append_new(
		    list, json_pack("{ss ss ss* ss so*}", "option", o->name,
			      "type", encoder_option_type(o), "allowed",
			      o->allowed, "about", o->about, "inside",
			      o->inside ? describe_options(o->inside) : NULL));
	return list;
}

static json_t *describe(const struct encoder_type *type)
{
	return json_pack("{ss ss* ss ss sb so}", "format", type->name, "alias",
	    type->alias, "extension", type->extension, "media_type",
	    type->media_type, "one_section", type->one_section, "options",
	    describe_options(type->options));
}

/* Nested options by their path, columns.NAME.width, one a row. */
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

static void print_row(const char *format, const char *alias_of,
    const json_t *one, const char *options)
{
	printf(
	    "insert into reportd.output_format (format, alias_of, extension, "
	    "one_section, options)\nvalues ('%s', ",
	    format);
	if (alias_of == NULL)
		fputs("null", stdout);
	else
		print_literal(alias_of);
	printf(", '%s', %s, ", json_str(one, "extension", ""),
	    json_bool(one, "one_section", false) ? "true" : "false");
	print_literal(options);
	puts(");");
}

/* sql/upgrade/014-formats.sql, which a test holds against this. */
static void print_sql(const json_t *formats)
{
	const json_t *one;
	size_t i;

	puts("-- SPDX-License-Identifier: MIT\n"
	     "-- What INSERT knows of the formats; made by `reportctl formats "
	     "--sql`.");
	json_array_foreach(formats, i, one)
	{
		const char *name = json_str(one, "format", "");
		const char *alias = json_str(one, "alias", NULL);
		char *options =
		    json_dumps(json_object_get(one, "options"), JSON_INDENT(1));

		putchar('\n');
		print_row(name, NULL, one, options);
		if (alias != NULL)
			print_row(alias, name, one, "[]");
		free(options);
	}
}

/* Those that are named, all when none is. */
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
	formats = json_array();
	if (add_formats(c, argv + optind, formats, e) != 0) {
		json_decref(formats);
		return -1;
	}
	if (c->json) {
		connect_print_json(formats);
		return 0;
	}
	if (sql)
		print_sql(formats);
	else
		print_text(formats);
	json_decref(formats);
	return 0;
}

const struct command command_formats = {
    .name = "formats",
    .summary = "Lists the output formats and their options",
    .arguments = "[FORMAT...] [--sql]",
    .details = "      --sql             as rows of reportd.output_format\n",
    .run = run,
};
