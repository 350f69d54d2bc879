/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/follow.h"
#include "ctl/lib/options.h"
#include "sql/ctl.h"

struct action {
	const char *sql;
	bool of_request;     /* applies to a request; allows --request */
	const char *request; /* ID of the request; NULL: the current one */
	bool wait;           /* wait for the end of the only report */
};

static void say(const char *name, const json_t *done)
{
	json_int_t request = json_int(done, "request_id", 0);
	const char *status = json_str(done, "status", "");

	if (request != 0)
		printf("request %lld of report %s is %s\n", (long long)request,
		    name, status);
	else
		printf("report %s is %s\n", name, status);
}

/* Runs the statement of cancel, retry and the like for one report. Returns 0,
 * or 1 when it was refused, which does not prevent the other reports'
 * statements; -1 when no further statement can succeed. */
static int act(struct ctl *c, const struct action *a, const char *name,
    json_t *answers, struct err *e)
{
	char *id = connect_report(c, name, e);
	const char *params[] = {id, a->request};
	json_t *done =
	    id ? connect_json(c, a->sql, a->of_request ? 2 : 1, params, e)
	       : NULL;
	json_int_t number = atoll(id ? id : "0");
	bool refused = done == NULL;

	free(id);
	if (refused && !pg_alive(c->queue))
		return err_wrap(e, "report %s", name);
	if (refused) {
		done = json_object();
		json_object_set_new(done, "error", json_string(e->text));
	}
	json_object_set_new(done, "config_id", json_integer(number));
	if (c->json)
		json_array_append(answers, done);
	else if (!refused)
		say(name, done);
	json_decref(done);
	if (refused) {
		err_wrap(e, "%s", c->command->name);
		ctl_complain(e);
		e->text[0] = '\0';
	}
	return refused;
}

static int for_each(
    struct ctl *c, const struct action *a, int count, char **ids, struct err *e)
{
	json_t *answers = json_array();
	bool refused = false;
	int rc = 0;

	for (int i = 0; i < count && rc >= 0; i++) {
		rc = act(c, a, ids[i], answers, e);
		refused = refused || rc != 0;
	}
	if (c->json && rc >= 0)
		connect_print_json(json_incref(answers));
	json_decref(answers);
	return refused ? -1 : 0;
}

static int retry_and_wait(
    struct ctl *c, const char *asked, const char *name, struct err *e)
{
	char *id = connect_report(c, name, e), *request = NULL;
	const char *params[] = {id, asked};
	int rc = -1;

	if (id != NULL && follow_prepare(c, e) == 0)
		request = connect_text(c, sql_retry_request, 2, params, e);
	if (request == NULL)
		err_wrap(e, "retry");
	else
		rc = follow_report(c, id, request, e);
	free(request);
	free(id);
	return rc;
}

static const struct option of_reports[] = {OPTIONS_COMMON};
static const struct option of_requests[] = {
    {"request", required_argument, NULL, 'r'},
    OPTIONS_COMMON,
};
static const struct option of_retries[] = {
    {"request", required_argument, NULL, 'r'},
    {"wait", no_argument, NULL, 'w'},
    OPTIONS_COMMON,
};

static int check(
    struct ctl *c, const struct action *a, int argc, char **argv, struct err *e)
{
	int64_t unused;

	if (optind == argc)
		return options_refuse(c, e, "which report? Give its ID or key");
	if (a->request != NULL && argc - optind > 1)
		return options_refuse(
		    c, e, "--request is for a request of one report");
	if (a->wait && argc - optind > 1)
		return options_refuse(c, e, "--wait is for one report");
	if (a->request != NULL &&
	    options_number(c, "--request", a->request,
		(int64_t[]){1, INT64_MAX}, &unused, e) != 0)
		return -1;
	for (int i = optind; i < argc; i++) {
		if (options_check_id(c, argv[i], e) != 0)
			return -1;
	}
	return 0;
}

static int with_ids(struct ctl *c, const char *sql, const struct option *table,
    int argc, char **argv, struct err *e)
{
	struct action a = {.sql = sql, .of_request = table != of_reports};
	int o;

	while ((o = options_next(c, argc, argv, "", table)) != -1) {
		if (o == 'r')
			a.request = optarg;
		else if (o == 'w')
			a.wait = true;
		else
			return -1;
	}
	if (check(c, &a, argc, argv, e) != 0 || connect_queue(c, e) != 0)
		return -1;
	if (a.wait)
		return retry_and_wait(c, a.request, argv[optind], e);
	return for_each(c, &a, argc - optind, argv + optind, e);
}

static int run_cancel(struct ctl *c, int argc, char **argv, struct err *e)
{
	return with_ids(c, sql_cancel, of_requests, argc, argv, e);
}

static int run_retry(struct ctl *c, int argc, char **argv, struct err *e)
{
	return with_ids(c, sql_retry, of_retries, argc, argv, e);
}

static int run_delete(struct ctl *c, int argc, char **argv, struct err *e)
{
	return with_ids(c, sql_delete, of_reports, argc, argv, e);
}

static int run_pause(struct ctl *c, int argc, char **argv, struct err *e)
{
	return with_ids(c, sql_pause, of_reports, argc, argv, e);
}

static int run_resume(struct ctl *c, int argc, char **argv, struct err *e)
{
	return with_ids(c, sql_resume, of_reports, argc, argv, e);
}

const struct command command_cancel = {
    .name = "cancel",
    .summary = "Cancels reports that wait or run",
    .arguments = "ID... [--request N]",
    .details =
	"      --request N       that request of the report, not the one in "
	"hand\n",
    .run = run_cancel,
};

const struct command command_retry = {
    .name = "retry",
    .summary = "Runs failed or cancelled reports again, for the same time",
    .arguments = "ID... [--request N] [--wait]",
    .details =
	"      --request N       that request of the report, not the one in "
	"hand\n"
	"      --wait            follow the only report to its end; the exit "
	"code tells\n"
	"                        how it went\n",
    .run = run_retry,
};

const struct command command_delete = {
    .name = "delete",
    .summary =
	"Deletes reports and their waiting requests; runs and files stay",
    .arguments = "ID...",
    .details = "",
    .run = run_delete,
};

const struct command command_pause = {
    .name = "pause",
    .summary = "Pauses reports: they fire no more and cannot be run",
    .arguments = "ID...",
    .details = "",
    .run = run_pause,
};

const struct command command_resume = {
    .name = "resume",
    .summary = "Resumes paused reports; schedules continue from now",
    .arguments = "ID...",
    .details = "",
    .run = run_resume,
};
