/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/options.h"
#include "sql/ctl.h"

/* cancel and retry: one statement for each ID. One that is refused does not
 * keep the others from it: 1, and -1 when it is no use to go on. */
static int act(struct ctl *c, const char *sql, const char *id, json_t *answers,
    struct err *e)
{
	char *status = connect_text(c, sql, 1, &id, e);
	json_int_t number = atoll(id);

	if (status == NULL && !pg_alive(c->queue))
		return err_wrap(e, "report %s", id);
	if (c->json)
		json_array_append_new(
		    answers, json_pack("{sI ss}", "config_id", number,
				 status ? "status" : "error",
				 status ? status : e->text));
	else if (status != NULL)
		printf("report %s is %s\n", id, status);
	if (status == NULL) {
		err_wrap(e, "%s", c->command->name);
		ctl_complain(e);
		e->text[0] = '\0';
	}
	free(status);
	return status ? 0 : 1;
}

static int for_each(
    struct ctl *c, const char *sql, int count, char **ids, struct err *e)
{
	json_t *answers = json_array();
	bool refused = false;
	int rc = 0;

	for (int i = 0; i < count && rc >= 0; i++) {
		rc = act(c, sql, ids[i], answers, e);
		refused = refused || rc != 0;
	}
	if (c->json && rc >= 0)
		connect_print_json(json_incref(answers));
	json_decref(answers);
	return refused ? -1 : 0;
}

static int with_ids(
    struct ctl *c, const char *sql, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {OPTIONS_COMMON};

	if (options_next(c, argc, argv, "", table) != -1)
		return -1;
	if (optind == argc)
		return options_refuse(c, e, "which report? Give its ID");
	for (int i = optind; i < argc; i++) {
		if (options_check_id(c, argv[i], e) != 0)
			return -1;
	}
	if (connect_queue(c, e) != 0)
		return -1;
	return for_each(c, sql, argc - optind, argv + optind, e);
}

static int run_cancel(struct ctl *c, int argc, char **argv, struct err *e)
{
	return with_ids(c, sql_cancel, argc, argv, e);
}

static int run_retry(struct ctl *c, int argc, char **argv, struct err *e)
{
	return with_ids(c, sql_retry, argc, argv, e);
}

const struct command command_cancel = {
    .name = "cancel",
    .summary = "Cancels reports that wait or run",
    .arguments = "ID...",
    .details = "",
    .run = run_cancel,
};

const struct command command_retry = {
    .name = "retry",
    .summary = "Runs failed or cancelled reports again, for the same time",
    .arguments = "ID...",
    .details = "",
    .run = run_retry,
};
