/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/table.h"
#include "sql/ctl.h"

static int tell(
    struct ctl *c, const char *name, const char *request, struct err *e)
{
	char *id = connect_report(c, name, e);
	const char *params[] = {id, request};
	char *why = id ? connect_text(c, sql_why, 2, params, e) : NULL;

	if (why == NULL)
		err_wrap(e, "why");
	else if (c->json)
		connect_print_json(json_pack(
		    "{sI ss}", "config_id", (json_int_t)atoll(id), "why", why));
	else
		table_say(stdout, why);
	free(id);
	free(why);
	return why ? 0 : -1;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"request", required_argument, NULL, 'r'},
	    OPTIONS_COMMON,
	};
	const char *request = NULL, *name = NULL;
	int64_t unused;
	int o, rc = 0;

	while (rc == 0 && (o = options_next(c, argc, argv, "", table)) != -1) {
		rc = o != 'r' ? -1
			      : options_number(c, "--request", optarg,
				    (int64_t[]){1, INT64_MAX}, &unused, e);
		request = optarg;
	}
	if (rc == 0)
		rc = options_one_id(c, argc, argv, &name, e);
	if (rc == 0 && name == NULL)
		rc = options_refuse(c, e, "which report? Give its ID or key");
	if (rc == 0)
		rc = connect_queue(c, e);
	return rc == 0 ? tell(c, name, request, e) : rc;
}

const struct command command_why = {
    .name = "why",
    .summary = "Says what a report waits for, or how it ended",
    .arguments = "ID [--request N]",
    .details =
	"      --request N       that request of the report, not the one in "
	"hand\n",
    .run = run,
};
