/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "sql/ctl.h"

/* Adds COLUMN=VALUE to the changes; VALUE is read like that of an output
 * option, and `null` is the null of SQL. */
static int add(struct ctl *c, json_t *changes, const char *pair, struct err *e)
{
	const char *equals = strchr(pair, '=');

	if (options_pair(c, changes, pair, true, e) != 0)
		return -1;
	if (strcmp(equals + 1, "null") == 0)
		json_object_setn_new(
		    changes, pair, (size_t)(equals - pair), json_null());
	return 0;
}

static int change(
    struct ctl *c, const char *name, const json_t *changes, struct err *e)
{
	char *id = connect_report(c, name, e);
	char *text = json_dumps(changes, JSON_REAL_PRECISION(15));
	const char *params[] = {id, text};
	char *status = id ? connect_text(c, sql_change, 2, params, e) : NULL;

	if (status == NULL)
		err_wrap(e, "change");
	else if (c->json)
		connect_print_json(json_pack("{sI ss}", "config_id",
		    (json_int_t)atoll(id), "status", status));
	else
		printf("report %s is %s\n", name, status);
	free(id);
	free(text);
	free(status);
	return status ? 0 : -1;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {OPTIONS_COMMON};
	json_t *changes = json_object();
	const char *name;
	int rc = 0;

	if (options_next(c, argc, argv, "", table) != -1)
		rc = -1;
	name = rc == 0 && optind < argc ? argv[optind] : NULL;
	if (rc == 0 && argc - optind < 2)
		rc = options_refuse(c, e,
		    "give the ID or key of a report, and what to change as "
		    "COLUMN=VALUE");
	if (rc == 0)
		rc = options_check_id(c, name, e);
	for (int i = optind + 1; rc == 0 && i < argc; i++)
		rc = add(c, changes, argv[i], e);
	if (rc == 0)
		rc = connect_queue(c, e);
	if (rc == 0)
		rc = change(c, name, changes, e);
	json_decref(changes);
	return rc;
}

const struct command command_change = {
    .name = "change",
    .summary = "Changes columns of a report",
    .arguments = "ID COLUMN=VALUE...",
    .details =
	"A COLUMN is one of report_config, such as schedule_expression, "
	"export_sql or\n"
	"output_path. A VALUE that reads as JSON is that; all else is text. "
	"null is none.\n",
    .run = run,
};
