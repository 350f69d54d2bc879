/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/result.h"
#include "ctl/lib/table.h"
#include "ctl/runs.h"
#include "sql/ctl.h"

static const struct table_column summary_columns[] = {
    {"TRIGGER", "trigger_type", TABLE_TEXT, NULL},
    {"STATUS", "status", TABLE_TEXT, NULL},
    {"REPORTS", "reports", TABLE_NUMBER, NULL},
    {"ACTIVE", "active", TABLE_NUMBER, NULL},
    {"OLDEST DUE", "oldest_due", TABLE_TIME, NULL},
    {"NEXT", "next_run_time", TABLE_TIME, NULL},
    {.title = NULL},
};

static const struct table_column running_columns[] = {
    {"RUN", "run_id", TABLE_NUMBER, NULL},
    {"ID", "config_id", TABLE_NUMBER, NULL},
    {"REPORT", "report_name", TABLE_TEXT, NULL},
    {"STAGE", "stage", TABLE_TEXT, NULL},
    {"FOR", "seconds", TABLE_SPAN, NULL},
    {"ROWS", "row_count", TABLE_NUMBER, NULL},
    {"SIZE", "byte_count", TABLE_BYTES, NULL},
    {.title = NULL},
};

static const struct table_column notice_columns[] = {
    {"NOTICE", "notification_id", TABLE_NUMBER, NULL},
    {"RUN", "run_id", TABLE_NUMBER, NULL},
    {"OF", "event", TABLE_TEXT, NULL},
    {"RECIPIENT", "recipient", TABLE_TEXT, NULL},
    {"STATE", "state", TABLE_TEXT, NULL},
    {"TRY", "attempts", TABLE_NUMBER, NULL},
    {"SENT OR DUE", "sent_at", TABLE_TIME, "due_at"},
    {"ERROR", "last_error", TABLE_TEXT, NULL},
    {.title = NULL},
};

static const struct table_column check_columns[] = {
    {"CHECK", "name", TABLE_TEXT, NULL},
    {"RUN", "run_id", TABLE_NUMBER, NULL},
    {"SEVERITY", "severity", TABLE_TEXT, NULL},
    {"STATUS", "status", TABLE_TEXT, NULL},
    {"FAILURES", "failures", TABLE_NUMBER, NULL},
    {"OF", "total", TABLE_NUMBER, NULL},
    {"SAID", "message", TABLE_TEXT, NULL},
    {.title = NULL},
};

static const struct table_column daemon_columns[] = {
    {"DAEMON", "host", TABLE_TEXT, NULL},
    {"PID", "pid", TABLE_NUMBER, NULL},
    {"VERSION", "version", TABLE_TEXT, NULL},
    {"WORKERS", "workers", TABLE_NUMBER, NULL},
    {"SINCE", "started_at", TABLE_TIME, NULL},
    {"HEARTBEAT AGO", "heartbeat_age", TABLE_SPAN, NULL},
    {"STATE", "state", TABLE_TEXT, NULL},
    {.title = NULL},
};

static const struct table_column report_columns[] = {
    {"id", "config_id", TABLE_TEXT, NULL},
    {"key", "report_key", TABLE_TEXT, NULL},
    {"owner", "owner", TABLE_TEXT, NULL},
    {"name", "report_name", TABLE_TEXT, NULL},
    {"type", "report_type", TABLE_TEXT, NULL},
    {"status", "status", TABLE_TEXT, NULL},
    {"why", "why", TABLE_TEXT, NULL},
    {"error", "error_message", TABLE_TEXT, NULL},
    {"notice", "notice_error", TABLE_TEXT, NULL},
    {"error at", "error_timestamp", TABLE_TIME, NULL},
    {"trigger", "trigger_type", TABLE_TEXT, NULL},
    {"active", "is_active", TABLE_TEXT, NULL},
    {"schedule", "schedule_expression", TABLE_TEXT, NULL},
    {"runs after", "run_after", TABLE_TEXT, NULL},
    {"waits for", "wait_timeout", TABLE_TEXT, NULL},
    {"followed by", "followed_by", TABLE_TEXT, NULL},
    {"time zone", "time_zone", TABLE_TEXT, NULL},
    {"misfire", "misfire_policy", TABLE_TEXT, NULL},
    {"next run", "next_run_time", TABLE_TIME, NULL},
    {"last run", "last_run_time", TABLE_TIME, NULL},
    {"last result", "result", TABLE_TEXT, NULL},
    {"has read to", "horizon", TABLE_TIME, NULL},
    {"overlap", "horizon_overlap", TABLE_TEXT, NULL},
    {"due", "due_at", TABLE_TIME, NULL},
    {"stands for", "scheduled_for", TABLE_TIME, NULL},
    {"priority", "priority", TABLE_TEXT, NULL},
    {"retries", "current_retries", TABLE_TEXT, NULL},
    {"max retries", "max_retries", TABLE_TEXT, NULL},
    {"timeout", "timeout", TABLE_TEXT, NULL},
    {"source", "source", TABLE_TEXT, NULL},
    {"min score", "min_score", TABLE_TEXT, NULL},
    {"parameters", "parameters", TABLE_TEXT, NULL},
    {"next run's", "run_parameters", TABLE_TEXT, NULL},
    {"format", "output_format", TABLE_TEXT, NULL},
    {"path", "output_path", TABLE_TEXT, NULL},
    {"options", "output_options", TABLE_TEXT, NULL},
    {"on completion", "notify_on_completion", TABLE_TEXT, NULL},
    {"on failure", "notify_on_failure", TABLE_TEXT, NULL},
    {"created", "created_timestamp", TABLE_TIME, NULL},
    {"created by", "created_by", TABLE_TEXT, NULL},
    {"updated", "updated_timestamp", TABLE_TIME, NULL},
    {"prep", "prep_sql", TABLE_BLOCK, NULL},
    {"export", "export_sql", TABLE_BLOCK, NULL},
    {"result", "result_sql", TABLE_BLOCK, NULL},
    {.title = NULL},
};

static void section(
    const struct table_column *columns, const json_t *array, const char *none)
{
	putchar('\n');
	if (json_array_size(array) == 0)
		puts(none);
	else
		table_print(stdout, columns, array, 0);
}

/* Notices that were delivered are not mentioned. */
static void say_notices(const json_t *notices)
{
	int64_t waiting = json_int(notices, "waiting", 0);
	int64_t failed = json_int(notices, "failed", 0);

	if (waiting + failed > 0)
		printf("\nnotices: %lld waiting, %lld failed in the last day\n",
		    (long long)waiting, (long long)failed);
}

static int all(struct ctl *c, struct err *e)
{
	static const char *const limit[] = {"20"};
	json_t *summary = connect_json(c, sql_summary, 0, NULL, e);
	json_t *now =
	    summary ? connect_json(c, sql_overview, 1, limit, e) : NULL;

	if (now == NULL) {
		json_decref(summary);
		return err_wrap(e, "status");
	}
	json_object_set_new(now, "summary", summary);
	if (c->json) {
		connect_print_json(now);
		return 0;
	}
	if (json_array_size(summary) == 0)
		puts("no reports");
	else
		table_print(stdout, summary_columns, summary, 0);
	section(
	    running_columns, json_object_get(now, "running"), "nothing runs");
	section(daemon_columns, json_object_get(now, "daemons"),
	    "no daemon is running");
	say_notices(json_object_get(now, "notices"));
	json_decref(now);
	return 0;
}

/* Adds the newest failed notice to the errors of the report. */
static void tell_notice(json_t *report, const json_t *notices)
{
	const json_t *n;
	char *text;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)notices, i, n)
	{
		if (strcmp(json_str(n, "state", ""), "FAILED") != 0)
			continue;
		text = mem_printf("%lld to %s FAILED: %s",
		    (long long)json_int(n, "notification_id", 0),
		    json_str(n, "recipient", ""),
		    json_str(n, "last_error", ""));
		json_object_set_new(report, "notice_error", json_string(text));
		free(text);
		return;
	}
}

static int absent(const char *id, bool has_run, struct err *e)
{
	/* The runs of a deleted report remain in the audit trail. */
	if (has_run)
		return err_set(e, ERR_PERMANENT,
		    "there is no report %s any more; `reportctl runs %s` shows "
		    "what it did",
		    id, id);
	return err_set(e, ERR_PERMANENT,
	    "there is no report %s that you may see; `reportctl list` shows "
	    "which there are",
	    id);
}

static int one(struct ctl *c, const char *id, struct err *e)
{
	const char *params[] = {id, NULL, "5"};
	const char *few[] = {id, "20"};
	const json_t *checks;
	json_t *report = connect_json(c, sql_report, 1, params, e);
	json_t *runs = report ? connect_json(c, sql_runs, 3, params, e) : NULL;
	json_t *notices = runs ? connect_json(c, sql_notices, 2, few, e) : NULL;

	if (notices == NULL) {
		json_decref(report);
		json_decref(runs);
		return err_wrap(e, "status");
	}
	if (json_is_null(report)) {
		absent(id, json_array_size(runs) > 0, e);
		json_decref(runs);
		json_decref(notices);
		return -1;
	}
	json_object_set_new(report, "runs", runs);
	json_object_set_new(report, "notices", notices);
	if (c->json) {
		connect_print_json(report);
		return 0;
	}
	tell_notice(report, notices);
	result_fill(runs);
	table_record(stdout, report_columns, report);
	printf("\nall times are in %s\n", json_str(report, "time_zone", "UTC"));
	section(runs_columns, runs, "no runs yet");
	checks = json_object_get(report, "last_checks");
	if (json_array_size(checks) > 0)
		section(check_columns, checks, "");
	if (json_array_size(notices) > 0)
		section(notice_columns, notices, "");
	json_decref(report);
	return 0;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {OPTIONS_COMMON};
	const char *name;
	char *id;
	int rc;

	if (options_next(c, argc, argv, "", table) != -1 ||
	    options_one_id(c, argc, argv, &name, e) != 0)
		return -1;
	if (name == NULL && c->command == &command_show)
		return options_refuse(c, e, "which report? Give its ID or key");
	if (connect_queue(c, e) != 0)
		return -1;
	connect_looks(c);
	if (name == NULL)
		return all(c, e);
	id = connect_report(c, name, e);
	rc = id ? one(c, id, e) : -1;
	free(id);
	return rc;
}

const struct command command_status = {
    .name = "status",
    .summary =
	"Shows reports, what runs and the daemons; with an ID that report",
    .arguments = "[ID]",
    .details = "",
    .run = run,
};

const struct command command_show = {
    .name = "show",
    .summary = "Shows all of one report: the record, its runs and notices",
    .arguments = "ID",
    .details = "",
    .run = run,
};
