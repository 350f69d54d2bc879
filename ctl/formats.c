/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/options.h"
#include "ctl/table.h"
#include "encode/encoder.h"

static json_t *describe(const struct encoder_type *type)
{
	json_t *options = json_array();

	for (const struct encoder_option *o = type->options; o->name; o++)
		json_array_append_new(options,
		    json_pack("{ss ss ss? ss}", "option", o->name, "type",
			o->type == JSON_TRUE ? "boolean" : "string", "allowed",
			o->allowed, "about", o->about));
	return json_pack("{ss ss so}", "format", type->name, "extension",
	    type->extension, "options", options);
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {OPTIONS_COMMON};
	static const struct table_column columns[] = {
	    {.title = "OPTION", .key = "option"},
	    {.title = "TYPE", .key = "type"},
	    {.title = "ONE OF", .key = "allowed"},
	    {.title = "MEANING", .key = "about"},
	    {.title = NULL},
	};
	const struct encoder_type *type;
	json_t *formats, *one;
	size_t i;

	if (options_next(c, argc, argv, "", table) != -1)
		return -1;
	if (optind < argc)
		return options_refuse(c, e, "takes no arguments");
	formats = json_array();
	for (int n = 0; (type = encoder_type_at(n)) != NULL; n++)
		json_array_append_new(formats, describe(type));
	if (c->json) {
		connect_print_json(formats);
		return 0;
	}
	json_array_foreach(formats, i, one)
	{
		printf("%s%s (.%s)\n\n", i ? "\n" : "",
		    json_str(one, "format", ""),
		    json_str(one, "extension", ""));
		table_print(
		    stdout, columns, json_object_get(one, "options"), 0);
	}
	json_decref(formats);
	return 0;
}

const struct command command_formats = {
    .name = "formats",
    .summary = "Lists the output formats and their options",
    .arguments = "",
    .details = "",
    .run = run,
};
