/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "config.h"
#include "place/template.h"
#include "settings/apart.h"
#include "settings/load.h"
#include "supervisor/supervisor.h"

static const char usage[] =
    "usage: reportd [-c FILE] [options]\n"
    "\n"
    "Runs the reports of reportd.report_config. In the foreground; stops at\n"
    "SIGTERM, reads its settings again at SIGHUP.\n"
    "\n"
    "  -c, --config FILE     settings; without it the environment alone "
    "counts\n"
    "      --check-config    say what is wrong with the settings, and exit\n"
    "      --list-settings   every key with its default and meaning, and exit\n"
    "      --drain           run everything that is due, then exit\n"
    "      --idle-exit TIME  exit after this long without work (30s, 10min)\n"
    "      --workers N       how many reports run at once\n"
    "  -h, --help            this text\n"
    "  -V, --version         the version\n"
    "\n"
    "Exit status: 0 stopped in order, 1 results could not be recorded, 2 "
    "wrong\n"
    "usage, 3 wrong settings, 4 the schema or the worker program does not "
    "fit;\n"
    "with --drain also 5 the queue could not be used, 6 reports have failed.\n"
    "See reportd(8).\n";

enum { CHECK = 256, LIST, DRAIN, IDLE_EXIT, WORKERS };

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check-config", no_argument, NULL, CHECK},
    {"list-settings", no_argument, NULL, LIST},
    {"drain", no_argument, NULL, DRAIN},
    {"idle-exit", required_argument, NULL, IDLE_EXIT},
    {"workers", required_argument, NULL, WORKERS},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static int wrong(const char *what, const char *value)
{
	fprintf(stderr, "reportd: %s: %s\n", what, value);
	return STATUS_USAGE;
}

static struct settings *load(const char *path, struct err *e)
{
	struct settings *settings = settings_load(path, e);

	if (settings == NULL)
		return NULL;
	if (settings_require_queue(settings, e) == 0) {
		if (template_check(settings->output, e) != 0)
			err_wrap(e, "[reportd] output = %s", settings->output);
		else if (template_check_root(
			     settings->output, settings->output_root, e) == 0)
			return settings;
	}
	err_wrap(e, "%s", path ? path : "environment");
	settings_free(settings);
	return NULL;
}

/* Loads the first settings, and looks at the folders that they name. */
static struct settings *load_first(const char *path, struct err *e)
{
	struct settings *settings = load(path, e);

	if (settings == NULL || settings_check_apart(settings, path, e) == 0)
		return settings;
	err_wrap(e, "%s", path ? path : "environment");
	settings_free(settings);
	return NULL;
}

static int start(struct supervisor_options *o, bool check)
{
	struct err e;

	o->settings = load_first(o->settings_path, &e);
	if (o->settings == NULL) {
		fprintf(stderr, "reportd: %s\n", e.text);
		return STATUS_SETTINGS;
	}
	if (check) {
		settings_free(o->settings);
		printf("%s: the settings are sound\n",
		    o->settings_path ? o->settings_path : "environment");
		return STATUS_OK;
	}
	return supervisor_run(o);
}

int main(int argc, char **argv)
{
	struct supervisor_options o = {.load = load};
	bool check = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o.settings_path = optarg;
			break;
		case CHECK:
			check = true;
			break;
		case LIST:
			settings_describe(stdout);
			return STATUS_OK;
		case DRAIN:
			o.drain = true;
			break;
		case IDLE_EXIT:
			if (str_to_ms(optarg, &o.idle_exit_ms) != 0 ||
			    o.idle_exit_ms == 0)
				return wrong("--idle-exit wants a time such "
					     "as 30s or 10min",
				    optarg);
			break;
		case WORKERS:
			if (str_to_i64(optarg, &o.workers) != 0 ||
			    o.workers < 1 || o.workers > 256)
				return wrong(
				    "--workers wants 1 to 256", optarg);
			break;
		case 'h':
			fputs(usage, stdout);
			return STATUS_OK;
		case 'V':
			puts("reportd " PACKAGE_VERSION);
			return STATUS_OK;
		default:
			fputs("Try `reportd --help`.\n", stderr);
			return STATUS_USAGE;
		}
	}
	if (optind < argc)
		return wrong("unexpected argument", argv[optind]);
	return start(&o, check);
}
