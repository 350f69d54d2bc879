/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/table.h"
#include "sql/ctl.h"

static const struct table_column columns[] = {
    {"ID", "called", TABLE_TEXT, NULL},
    {"NAME", "report_name", TABLE_TEXT, NULL},
    {"SCHEDULE", "schedule", TABLE_TEXT, NULL},
    {"NEXT", "next", TABLE_TEXT, NULL},
    {"LAST", "last_status", TABLE_TEXT, NULL},
    {"TOOK", "last_seconds", TABLE_SPAN, NULL},
    {"OWNER", "owner", TABLE_TEXT, NULL},
    {.title = NULL},
};

static int list(struct ctl *c, const char *const *params, struct err *e)
{
	json_t *reports;

	if (connect_queue(c, e) != 0)
		return -1;
	reports = connect_json(c, sql_list, 2, params, e);
	if (reports == NULL)
		return err_wrap(e, "list");
	if (c->json) {
		connect_print_json(reports);
		return 0;
	}
	table_print(stdout, columns, reports, options_columns());
	json_decref(reports);
	return 0;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"limit", required_argument, NULL, 'n'},
	    OPTIONS_COMMON,
	};
	const char *params[] = {NULL, "1000"};
	int64_t limit;
	int o;

	while ((o = options_next(c, argc, argv, "n:", table)) != -1) {
		if (o != 'n')
			return -1;
		params[1] = optarg;
	}
	if (argc - optind > 1)
		return options_refuse(c, e,
		    "takes one text, a part of a report's name or the "
		    "beginning of its ID");
	if (options_number(c, "--limit", params[1], (int64_t[]){1, 1000000},
		&limit, e) != 0)
		return -1;
	params[0] = argv[optind];
	return list(c, params, e);
}

const struct command command_list = {
    .name = "list",
    .summary = "Lists reports: their keys or IDs, schedules, last results",
    .arguments = "[TEXT] [--limit N]",
    .details = "  -n, --limit N         how many [1000]\n",
    .run = run,
};
