/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/result.h"
#include "ctl/runs.h"
#include "sql/ctl.h"

const struct table_column runs_columns[] = {
    {"RUN", "run_id", TABLE_NUMBER, NULL},
    {"ID", "config_id", TABLE_NUMBER, NULL},
    {"REPORT", "report_name", TABLE_TEXT, NULL},
    {"STATUS", "status", TABLE_TEXT, NULL},
    {"TRY", "attempt", TABLE_NUMBER, NULL},
    {"STARTED", "started_at", TABLE_TIME, NULL},
    {"TOOK", "seconds", TABLE_SPAN, NULL},
    {"ROWS", "row_count", TABLE_NUMBER, NULL},
    {"SIZE", "byte_count", TABLE_BYTES, NULL},
    {"RESULT", "result", TABLE_TEXT, NULL},
    {.title = NULL},
};

static const char *const statuses[] = {
    "PROCESSING", "COMPLETED", "FAILED", "CANCELLED", "RELEASED", "LOST", NULL};

/* params[0] is a report's ID or key, or NULL. */
static int list(struct ctl *c, const char *const *params, struct err *e)
{
	json_t *runs = connect_list(c, sql_runs, 3, params, e);

	if (runs == NULL)
		return err_wrap(e, "runs");
	if (c->json) {
		connect_print_json(runs);
		return 0;
	}
	result_fill(runs);
	table_print(stdout, runs_columns, runs, 0);
	json_decref(runs);
	return 0;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"limit", required_argument, NULL, 'n'},
	    {"status", required_argument, NULL, 's'},
	    OPTIONS_COMMON,
	};
	const char *params[] = {NULL, NULL, "20"};
	int64_t limit;
	int o;

	while ((o = options_next(c, argc, argv, "n:", table)) != -1) {
		if (o == 'n')
			params[2] = optarg;
		else if (o == 's')
			params[1] = optarg;
		else
			return -1;
	}
	if (options_one_id(c, argc, argv, &params[0], e) != 0 ||
	    options_number(c, "--limit", params[2], (int64_t[]){1, 100000},
		&limit, e) != 0)
		return -1;
	if (params[1] != NULL) {
		const char *word = params[1];

		params[1] = options_word(statuses, word);
		if (params[1] == NULL)
			return options_refuse(c, e,
			    "--status %s: must be PROCESSING, COMPLETED, "
			    "FAILED, CANCELLED, RELEASED or LOST",
			    word);
	}
	return list(c, params, e);
}

const struct command command_runs = {
    .name = "runs",
    .summary = "Lists runs, the newest first",
    .arguments = "[ID] [--limit N] [--status STATUS]",
    .details = "  -n, --limit N         how many [20]\n"
	       "      --status STATUS   only PROCESSING, COMPLETED, FAILED, "
	       "CANCELLED, "
	       "RELEASED\n"
	       "                        or LOST ones\n",
    .run = run,
};
