/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/human.h"
#include "ctl/lib/options.h"
#include "sql/ctl.h"

static void print(const json_t *times, const char *zone)
{
	char in[HUMAN_SIZE];

	for (size_t i = 0; i < json_array_size(times); i++) {
		const json_t *one = json_array_get(times, i);

		human_span(
		    in, json_number_value(json_object_get(one, "seconds")));
		printf("%s %s %s, in %s\n", json_str(one, "local", ""),
		    json_str(one, "utc_offset", ""), zone, in);
	}
	if (json_array_size(times) == 0)
		puts("never in the next 40 years");
}

static int next(struct ctl *c, const char *const *params, struct err *e)
{
	json_t *times;

	if (connect_queue(c, e) != 0)
		return -1;
	times = connect_json(c, sql_next, 4, params, e);
	if (times == NULL)
		return err_wrap(e, "next");
	if (c->json) {
		connect_print_json(times);
		return 0;
	}
	print(times, params[1]);
	json_decref(times);
	return 0;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"zone", required_argument, NULL, 'z'},
	    {"time-zone", required_argument, NULL, 'z'},
	    {"count", required_argument, NULL, 'n'},
	    {"after", required_argument, NULL, 'a'},
	    OPTIONS_COMMON,
	};
	const char *params[] = {NULL, "UTC", "5", NULL};
	struct buf expression;
	int64_t count;
	int o, rc;

	while ((o = options_next(c, argc, argv, "", table)) != -1) {
		if (o == 'z')
			params[1] = optarg;
		else if (o == 'n')
			params[2] = optarg;
		else if (o == 'a')
			params[3] = optarg;
		else
			return -1;
	}
	if (optind == argc)
		return options_refuse(
		    c, e, "which cron expression? For example '0 6 * * 1-5'");
	if (options_number(
		c, "--count", params[2], (int64_t[]){1, 1000}, &count, e) != 0)
		return -1;
	/* The words of an expression may come without quotes. */
	buf_init(&expression, 4096);
	for (int i = optind; i < argc; i++)
		buf_printf(&expression, "%s%s", i > optind ? " " : "", argv[i]);
	params[0] = expression.data;
	rc = next(c, params, e);
	buf_free(&expression);
	return rc;
}

const struct command command_next = {
    .name = "next",
    .summary = "Shows when a cron expression fires",
    .arguments = "EXPRESSION [--time-zone ZONE] [--count N] [--after TIME]",
    .details = "      --time-zone ZONE  IANA name of the time zone [UTC]\n"
	       "      --count N         how many times [5]\n"
	       "      --after TIME      such as 2026-01-31T06:00Z [now]\n",
    .run = run,
};
