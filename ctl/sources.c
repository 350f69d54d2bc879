/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/table.h"
#include "sql/ctl.h"

static const struct table_column columns[] = {
    {"SOURCE", "source", TABLE_TEXT, NULL},
    {"TYPE", "type", TABLE_TEXT, NULL},
    {"DAEMONS", "daemons", TABLE_NUMBER, NULL},
    {"WAITING", "waiting", TABLE_NUMBER, NULL},
    {"GRANTED TO", "granted_to", TABLE_TEXT, NULL},
    {"SEEN", "seen_at", TABLE_TIME, NULL},
    {.title = NULL},
};

static int list(struct ctl *c, struct err *e)
{
	json_t *sources = connect_json(c, sql_sources, 0, NULL, e);

	if (sources == NULL)
		return err_wrap(e, "sources");
	if (c->json) {
		connect_print_json(sources);
		return 0;
	}
	table_print(stdout, columns, sources, 0);
	json_decref(sources);
	return 0;
}

static int act(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e)
{
	char *done = connect_text(c, sql, count, params, e);

	if (done == NULL)
		return err_wrap(e, "sources");
	free(done);
	return 0;
}

/* Registers the sources of the settings file, as a daemon does at its start. */
static int register_all(struct ctl *c, struct err *e)
{
	for (int i = 0; i < c->settings->source_count; i++) {
		const char *params[] = {
		    c->settings->sources[i].name, c->settings->sources[i].type};

		if (act(c, sql_register_source, 2, params, e) != 0)
			return -1;
	}
	return 0;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"register", no_argument, NULL, 'r'},
	    {"forget", required_argument, NULL, 'f'},
	    OPTIONS_COMMON,
	};
	const char *forget = NULL;
	bool enrol = false;
	int o;

	while ((o = options_next(c, argc, argv, "", table)) != -1) {
		if (o == 'r')
			enrol = true;
		else if (o == 'f')
			forget = optarg;
		else
			return -1;
	}
	if (optind < argc)
		return options_refuse(c, e, "takes no arguments");
	if (connect_queue(c, e) != 0 || (enrol && register_all(c, e) != 0) ||
	    (forget && act(c, sql_forget_source, 1, &forget, e) != 0))
		return -1;
	return list(c, e);
}

const struct command command_sources = {
    .name = "sources",
    .summary = "Lists the sources that reports may name",
    .arguments = "[--register] [--forget NAME]",
    .details =
	"      --register        make those of the settings known, as a daemon "
	"does\n"
	"      --forget NAME     forget one that no daemon has, and its "
	"grants\n",
    .run = run,
};
