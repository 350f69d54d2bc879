/* SPDX-License-Identifier: MIT */
#include "ctl/scale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/emf.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "scale/scale.h"

static double number(const json_t *answer, const char *key)
{
	return (double)json_int(answer, key, 0);
}

static void write_metrics(const struct ctl *c, const json_t *answer)
{
	const json_t *failures = json_object_get(answer, "failures");

	if (c->settings->log_metrics == NULL || failures == NULL)
		return;
	emf_write(emf_object(&(struct emf){
	    .namespace = c->settings->log_metrics,
	    .time_ms = clock_wall_us() / 1000,
	    .metrics = (const struct emf_metric[]){
		{"Due", "Count", number(answer, "due")},
		{"Running", "Count", number(answer, "running")},
		{"Daemons", "Count", number(answer, "daemons")},
		{"OldestDueAge", "Seconds", number(answer, "oldest_due_s")},
		{"TasksStarted", "Count", number(answer, "started")},
		{"TaskFailures", "Count", (double)json_array_size(failures)},
		{.name = NULL}}}));
}

bool ctl_scale_failed(const json_t *answer)
{
	return strcmp(json_str(answer, "action", ""), "failed") == 0;
}

json_t *ctl_scale(struct ctl *c, bool dry_run, struct err *e)
{
	json_t *answer;

	if (connect_services(c, e) == NULL ||
	    (c->queue == NULL && connect_queue(c, e) != 0))
		return NULL;
	answer = scale_once(c->queue, c->services, dry_run, e);
	if (answer != NULL && !dry_run)
		write_metrics(c, answer);
	return answer;
}

/* Returns the reasons in one text, which the caller frees. */
static char *reasons(const json_t *answer)
{
	const json_t *failures = json_object_get(answer, "failures");
	struct buf all;

	buf_init(&all, 64u << 10);
	buf_str(&all, "");
	for (size_t i = 0; i < json_array_size(failures); i++)
		buf_printf(&all, "%s%s", i > 0 ? "; " : "",
		    json_string_value(json_array_get(failures, i)));
	return all.data;
}

static long long count(const json_t *answer, const char *key)
{
	return (long long)json_int(answer, key, 0);
}

static void print(const json_t *a)
{
	const char *action = json_str(a, "action", "");
	char *why;

	if (strcmp(action, "busy") == 0) {
		puts("another process decides at this moment");
		return;
	}
	printf("%lld due, %lld running; daemons: %lld, tasks: %lld running, "
	       "%lld starting; wanted: %lld, missing: %lld; %s",
	    count(a, "due"), count(a, "running"), count(a, "daemons"),
	    count(a, "tasks"), count(a, "starting"), count(a, "wanted"),
	    count(a, "missing"), action);
	if (strcmp(action, "started") == 0)
		printf(" %lld", count(a, "started"));
	why = reasons(a);
	printf("%s%s\n", *why ? ": " : "", why);
	free(why);
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"dry-run", no_argument, NULL, 'n'},
	    OPTIONS_COMMON,
	};
	const char *runtime = getenv("AWS_LAMBDA_RUNTIME_API");
	bool dry_run = false, failed;
	json_t *answer;
	int o;

	while ((o = options_next(c, argc, argv, "n", table)) != -1) {
		if (o != 'n')
			return -1;
		dry_run = true;
	}
	if (optind < argc)
		return options_refuse(c, e, "takes no arguments");
	if (connect_queue_settings(c, e) != 0)
		return -1;
	if (runtime != NULL)
		return ctl_scale_serve(c, runtime, e);
	answer = ctl_scale(c, dry_run, e);
	if (answer == NULL)
		return err_wrap(e, "scale");
	failed = ctl_scale_failed(answer);
	if (c->json)
		connect_print_json(json_incref(answer));
	else
		print(answer);
	json_decref(answer);
	return failed ? -1 : 0;
}

const struct command command_scale = {
    .name = "scale",
    .summary = "Starts the daemons that are missing, as tasks of ECS",
    .arguments = "[--dry-run]",
    .details = "  -n, --dry-run         only say what would be started\n",
    .run = run,
};
