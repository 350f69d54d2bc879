/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/table.h"
#include "sql/ctl.h"

static const struct table_column columns[] = {
    {"INBOX", "inbox", TABLE_TEXT, NULL},
    {"READ", "read_at", TABLE_TIME, NULL},
    {"NEXT", "next_at", TABLE_TIME, NULL},
    {"TAKEN", "taken", TABLE_NUMBER, NULL},
    {"REFUSED", "refused", TABLE_NUMBER, NULL},
    {"PENDING", "untold", TABLE_NUMBER, NULL},
    {"WHY", "why", TABLE_TEXT, NULL},
    {.title = NULL},
};

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {OPTIONS_COMMON};
	json_t *inboxes;

	if (options_next(c, argc, argv, "", table) != -1)
		return -1;
	if (optind < argc)
		return options_refuse(c, e, "takes no arguments");
	if (connect_queue(c, e) != 0)
		return -1;
	inboxes = connect_json(c, sql_inboxes, 0, NULL, e);
	if (inboxes == NULL)
		return err_wrap(e, "inbox");
	if (c->json) {
		connect_print_json(inboxes);
		return 0;
	}
	table_print(stdout, columns, inboxes, options_columns());
	json_decref(inboxes);
	return 0;
}

const struct command command_inbox = {
    .name = "inbox",
    .summary = "Lists the inboxes, and what stands in their way",
    .arguments = "",
    .details = "",
    .run = run,
};
