/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/lib/interrupt.h"
#include "ctl/lib/options.h"
#include "ctl/lib/schema.h"
#include "services/services.h"
#include "source/keep.h"

static const struct command *const commands[] = {
    &command_init,
    &command_submit,
    &command_ingest,
    &command_list,
    &command_show,
    &command_status,
    &command_why,
    &command_runs,
    &command_inputs,
    &command_inbox,
    &command_watch,
    &command_run,
    &command_retry,
    &command_cancel,
    &command_change,
    &command_pause,
    &command_resume,
    &command_delete,
    &command_next,
    &command_export,
    &command_formats,
    &command_sources,
    &command_targets,
    &command_scale,
    &command_doctor,
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct command *command_named(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static void usage(FILE *out)
{
	fputs("Usage: reportctl [-c FILE] COMMAND [ARGUMENT...]\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", commands[i]->name,
		    commands[i]->summary);
	fputs("\n"
	      "  -c, --config FILE     settings file; without it the "
	      "environment alone\n"
	      "      --json            answer in JSON\n"
	      "  -h, --help            this text; of a command: its options\n"
	      "  -V, --version         version of this program and its schema\n"
	      "\n"
	      "See `reportctl help COMMAND` and reportctl(1).\n",
	    out);
}

static int help(int argc, char **argv)
{
	const struct command *command =
	    argc > 1 ? command_named(argv[1]) : NULL;

	if (argc < 2) {
		usage(stdout);
		return CTL_OK;
	}
	if (command != NULL) {
		options_usage(command, stdout);
		return CTL_OK;
	}
	fprintf(stderr, "reportctl: there is no command \"%s\"\n", argv[1]);
	return CTL_USAGE;
}

void ctl_complain(const struct err *e)
{
	bool blank = false;

	fputs("reportctl: ", stderr);
	for (const char *s = e->text; *s != '\0'; s++) {
		if (iscntrl((unsigned char)*s)) {
			blank = true;
			continue;
		}
		if (blank)
			fputc(' ', stderr);
		blank = false;
		fputc(*s, stderr);
	}
	fputc('\n', stderr);
}

static int finish(struct ctl *c, int rc, const struct err *e)
{
	if (rc != 0 && e->text[0] != '\0')
		ctl_complain(e);
	if (rc != 0 && c->on_error == CTL_USAGE)
		fprintf(stderr, "Try `reportctl help %s`.\n", c->command->name);
	if (rc != 0 && c->queue != NULL && c->on_error == CTL_FAILED &&
	    !pg_alive(c->queue))
		c->on_error = CTL_NO_QUEUE;
	pg_close(c->queue);
	source_keep_close(c->keep);
	services_close(c->services);
	settings_free(c->settings);
	if (rc != 0 && interrupt_signal() != 0)
		return 128 + interrupt_signal();
	return rc != 0 ? (int)c->on_error : CTL_OK;
}

static int run(struct ctl *c, int argc, char **argv)
{
	struct err e = {.text = ""};
	int rc;

	c->command = command_named(argv[0]);
	if (c->command == NULL) {
		fprintf(stderr,
		    "reportctl: there is no command \"%s\"; see `reportctl "
		    "help`\n",
		    argv[0]);
		return CTL_USAGE;
	}
	/* getopt_long() puts argv[0] before its messages. */
	argv[0] = (char[]){"reportctl"};
	optind = 0;
	rc = c->command->run(c, argc, argv, &e);
	/* When the disk is full, an incomplete answer must be an error. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && rc == 0)
		rc = err_errno(&e, errno, "writing standard output");
	return finish(c, rc, &e);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	struct ctl c = {.on_error = CTL_FAILED};
	int o;

	/* for the widths of characters; all texts are UTF-8 */
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		setlocale(LC_CTYPE, "");
	setenv("PGAPPNAME", "reportctl", 0);
	interrupt_install();
	argv[0] = (char[]){"reportctl"};
	while ((o = getopt_long(argc, argv, "+c:hV", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			c.conf = optarg;
			break;
		case 'j':
			c.json = true;
			break;
		case 'h':
			usage(stdout);
			return CTL_OK;
		case 'V':
			printf("reportctl %s, schema %d\n", PACKAGE_VERSION,
			    schema_wanted());
			return CTL_OK;
		default:
			fputs("Try `reportctl help`.\n", stderr);
			return CTL_USAGE;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc == 0) {
		usage(stderr);
		return CTL_USAGE;
	}
	if (strcmp(argv[0], "help") == 0)
		return help(argc, argv);
	return run(&c, argc, argv);
}
