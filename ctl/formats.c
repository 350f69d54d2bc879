/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/options.h"
#include "ctl/table.h"
#include "encode/encoder.h"

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {OPTIONS_COMMON};
	static const struct table_column columns[] = {
	    {.title = "FORMAT", .key = "format"},
	    {.title = "EXTENSION", .key = "extension"},
	    {.title = NULL},
	};
	const struct encoder_type *type;
	json_t *formats;

	if (options_next(c, argc, argv, "", table) != -1)
		return -1;
	if (optind < argc)
		return options_refuse(c, e, "takes no arguments");
	formats = json_array();
	for (int i = 0; (type = encoder_type_at(i)) != NULL; i++)
		json_array_append_new(
		    formats, json_pack("{ss ss}", "format", type->name,
				 "extension", type->extension));
	if (c->json) {
		connect_print_json(formats);
		return 0;
	}
	table_print(stdout, columns, formats, 0);
	json_decref(formats);
	return 0;
}

const struct command command_formats = {
    .name = "formats",
    .summary = "Lists the output formats",
    .arguments = "",
    .details = "",
    .run = run,
};
