/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/follow.h"
#include "ctl/lib/options.h"
#include "sql/ctl.h"

struct wish {
	const char *name; /* the report's ID or key */
	json_t *parameters;
	const char *from, *to; /* times of a backfill; NULL: one run now */
	bool wait, cascade;
};

static int run_now(
    struct ctl *c, const struct wish *w, const char *id, struct err *e)
{
	char *text = json_dumps(w->parameters, 0);
	const char *params[] = {id, text, w->cascade ? "true" : "false"};
	char *request = NULL;
	int rc = 0;

	if (!w->wait || follow_prepare(c, e) == 0)
		request = connect_text(c, sql_run, 3, params, e);
	free(text);
	if (request == NULL)
		return err_wrap(e, "run");
	if (w->wait)
		rc = w->cascade ? follow_cascade(c, id, request, e)
				: follow_report(c, id, request, e);
	else if (c->json)
		connect_print_json(
		    json_pack("{sI sI}", "config_id", (json_int_t)atoll(id),
			"request_id", (json_int_t)atoll(request)));
	else
		printf(
		    "request %s of report %s is PENDING\n", request, w->name);
	free(request);
	return rc;
}

static int backfill(
    struct ctl *c, const struct wish *w, const char *id, struct err *e)
{
	const char *params[] = {id, w->from, w->to};
	json_t *requests = connect_json(c, sql_backfill, 3, params, e);
	size_t n;

	if (requests == NULL)
		return err_wrap(e, "run");
	if (c->json) {
		connect_print_json(json_pack("{sI so}", "config_id",
		    (json_int_t)atoll(id), "requests", requests));
		return 0;
	}
	n = json_array_size(requests);
	json_decref(requests);
	if (n == 0)
		printf("report %s has no scheduled time from %s to %s; a date "
		       "is the moment at which the day begins: to run a day, "
		       "write the next one as --to\n",
		    w->name, w->from, w->to);
	else
		printf("%zu request%s of report %s %s PENDING\n", n,
		    n == 1 ? "" : "s", w->name, n == 1 ? "is" : "are");
	return 0;
}

static int parse(
    struct ctl *c, struct wish *w, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"param", required_argument, NULL, 'P'},
	    {"from", required_argument, NULL, 'f'},
	    {"to", required_argument, NULL, 't'},
	    {"wait", no_argument, NULL, 'w'},
	    {"cascade", no_argument, NULL, 'C'},
	    OPTIONS_COMMON,
	};
	int o, rc = 0;

	while (rc == 0 && (o = options_next(c, argc, argv, "", table)) != -1) {
		if (o == 'P')
			rc = options_pair(c, w->parameters, optarg, false, e);
		else if (o == 'f')
			w->from = optarg;
		else if (o == 't')
			w->to = optarg;
		else if (o == 'w')
			w->wait = true;
		else if (o == 'C')
			w->cascade = true;
		else
			rc = -1;
	}
	return rc == 0 ? options_one_id(c, argc, argv, &w->name, e) : rc;
}

static int check(struct ctl *c, const struct wish *w, struct err *e)
{
	if (w->name == NULL)
		return options_refuse(c, e, "which report? Give its ID or key");
	if ((w->from == NULL) != (w->to == NULL))
		return options_refuse(c, e, "--from and --to belong together");
	if (w->from != NULL &&
	    (w->wait || w->cascade || json_object_size(w->parameters) > 0))
		return options_refuse(c, e,
		    "--from and --to go without --wait, --param and "
		    "--cascade");
	return 0;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct wish w = {.parameters = json_object()};
	char *id = NULL;
	int rc = -1;

	if (parse(c, &w, argc, argv, e) == 0 && check(c, &w, e) == 0 &&
	    connect_queue(c, e) == 0)
		id = connect_report(c, w.name, e);
	if (id != NULL)
		rc = w.from ? backfill(c, &w, id, e) : run_now(c, &w, id, e);
	free(id);
	json_decref(w.parameters);
	return rc;
}

const struct command command_run = {
    .name = "run",
    .summary = "Runs a report once more, now or for times that have passed",
    .arguments = "ID [--param N=V] [--cascade] [--wait] | ID --from T --to T",
    .details =
	"ID is a report's ID or key. A request made during a run waits for "
	"its end.\n\n"
	"      --param N=VALUE   laid over the report's own parameters, for "
	"this run\n"
	"      --cascade         AFTER reports follow it\n"
	"      --wait            follow it to its end, with --cascade all that "
	"follows it\n"
	"                        as well; the exit code tells how it went\n"
	"      --from TIME       run for each scheduled time from this one on\n"
	"      --to TIME         ... up to this one, such as "
	"2026-01-31T06:00Z\n",
    .run = run,
};
