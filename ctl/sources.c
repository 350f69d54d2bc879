/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/table.h"
#include "sql/ctl.h"

/* The lists of the commands `sources` and `targets`, which work alike. */
struct list {
	const char *name; /* of the command, for messages */
	struct table_column columns[7];
	const char *all, *enrol, *forget; /* statements of sql/ctl */
};

/* clang-format off */
#define COLUMNS(name, member)                           \
	{                                               \
	    {name, member, TABLE_TEXT, NULL},           \
	    {"TYPE", "type", TABLE_TEXT, NULL},         \
	    {"DAEMONS", "daemons", TABLE_NUMBER, NULL}, \
	    {"WAITING", "waiting", TABLE_NUMBER, NULL}, \
	    {"GRANTED TO", "granted_to", TABLE_TEXT, NULL}, \
	    {"SEEN", "seen_at", TABLE_TIME, NULL},      \
	    {NULL, NULL, TABLE_TEXT, NULL},             \
	}
/* clang-format on */

static const struct list sources = {"sources", COLUMNS("SOURCE", "source"),
    sql_sources, sql_register_source, sql_forget_source};
static const struct list targets = {"targets", COLUMNS("TARGET", "target"),
    sql_targets, sql_register_target, sql_forget_target};

static int print(struct ctl *c, const struct list *l, struct err *e)
{
	json_t *all = connect_json(c, l->all, 0, NULL, e);

	if (all == NULL)
		return err_wrap(e, "%s", l->name);
	if (c->json) {
		connect_print_json(all);
		return 0;
	}
	table_print(stdout, l->columns, all, 0);
	json_decref(all);
	return 0;
}

static int act(struct ctl *c, const struct list *l, const char *sql, int count,
    const char *const *params, struct err *e)
{
	char *done = connect_text(c, sql, count, params, e);

	if (done == NULL)
		return err_wrap(e, "%s", l->name);
	free(done);
	return 0;
}

/* Registers those of the settings file, as a daemon does at its start. */
static int register_all(struct ctl *c, const struct list *l, struct err *e)
{
	const struct settings *s = c->settings;
	const struct source_settings *all =
	    l == &targets ? s->targets : s->sources;
	int count = l == &targets ? s->target_count : s->source_count;

	for (int i = 0; i < count; i++) {
		const char *params[] = {all[i].name, all[i].type};

		if (act(c, l, l->enrol, 2, params, e) != 0)
			return -1;
	}
	return 0;
}

static int run(
    struct ctl *c, const struct list *l, int argc, char **argv, struct err *e)
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
	if (connect_queue(c, e) != 0 || (enrol && register_all(c, l, e) != 0) ||
	    (forget && act(c, l, l->forget, 1, &forget, e) != 0))
		return -1;
	return print(c, l, e);
}

static int run_sources(struct ctl *c, int argc, char **argv, struct err *e)
{
	return run(c, &sources, argc, argv, e);
}

static int run_targets(struct ctl *c, int argc, char **argv, struct err *e)
{
	return run(c, &targets, argc, argv, e);
}

#define DETAILS                                                           \
	"      --register        make those of the settings known, as a " \
	"daemon "                                                         \
	"does\n"                                                          \
	"      --forget NAME     forget one that no daemon has, and its " \
	"grants\n"

const struct command command_sources = {
    .name = "sources",
    .summary = "Lists the sources that reports may name",
    .arguments = "[--register] [--forget NAME]",
    .details = DETAILS,
    .run = run_sources,
};

const struct command command_targets = {
    .name = "targets",
    .summary = "Lists the targets whose tables reports may load",
    .arguments = "[--register] [--forget NAME]",
    .details = DETAILS,
    .run = run_targets,
};
