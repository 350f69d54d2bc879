/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/follow.h"
#include "ctl/options.h"
#include "sql/ctl.h"

static int run_now(struct ctl *c, const char *id, const json_t *parameters,
    bool wait, struct err *e)
{
	char *text = json_dumps(parameters, 0);
	const char *params[] = {id, text};
	char *done = NULL;

	if (!wait || follow_prepare(c, e) == 0)
		done = connect_text(c, sql_run, 2, params, e);
	free(text);
	if (done == NULL)
		return err_wrap(e, "run");
	free(done);
	if (wait)
		return follow_report(c, id, e);
	if (c->json)
		connect_print_json(json_pack("{sI ss}", "config_id",
		    (json_int_t)atoll(id), "status", "PENDING"));
	else
		printf("report %s is PENDING\n", id);
	return 0;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"param", required_argument, NULL, 'P'},
	    {"wait", no_argument, NULL, 'w'},
	    OPTIONS_COMMON,
	};
	json_t *parameters = json_object();
	const char *id = NULL;
	bool wait = false;
	int o, rc = 0;

	while (rc == 0 && (o = options_next(c, argc, argv, "", table)) != -1) {
		if (o == 'P')
			rc = options_pair(c, parameters, optarg, false, e);
		else if (o == 'w')
			wait = true;
		else
			rc = -1;
	}
	if (rc == 0)
		rc = options_one_id(c, argc, argv, &id, e);
	if (rc == 0 && id == NULL)
		rc = options_refuse(c, e, "which report? Give its ID");
	if (rc == 0)
		rc = connect_queue(c, e);
	if (rc == 0)
		rc = run_now(c, id, parameters, wait, e);
	json_decref(parameters);
	return rc;
}

const struct command command_run = {
    .name = "run",
    .summary = "Runs a report now, once more or ahead of its schedule",
    .arguments = "ID [--param N=VALUE] [--wait]",
    .details =
	"      --param N=VALUE   laid over the report's own parameters, for "
	"this run\n"
	"      --wait            follow it to its end; the exit code tells how "
	"it went\n",
    .run = run,
};
