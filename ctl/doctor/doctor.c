/* SPDX-License-Identifier: MIT */
#include "ctl/doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/interrupt.h"
#include "ctl/lib/options.h"
#include "ctl/lib/table.h"
#include "settings/apart.h"

void doctor_say(struct doctor *d, enum doctor_result result, const char *what,
    const char *mend, const char *fmt, ...)
{
	static const char *const words[] = {"ok", "warn", "FAILED"};
	char text[2560], *clean;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clean = table_clean(text);
	d->failed = d->failed || result == DOCTOR_FAILED;
	if (d->c->json) {
		json_array_append_new(d->checks,
		    json_pack("{ss ss ss ss?}", "result", words[result], "what",
			what, "detail", clean, "mend", mend));
	} else {
		printf("%-6s  %s: %s\n", words[result], what, clean);
		if (mend != NULL)
			printf("        to mend it: %s\n", mend);
		fflush(stdout);
	}
	free(clean);
}

void doctor_protection(
    struct doctor *d, const char *what, const char *protection, bool weak)
{
	char *name = mem_printf("%s connection", what);

	doctor_say(d, weak ? DOCTOR_WARN : DOCTOR_OK, name,
	    weak ? "write sslmode=verify-full into its conninfo, and "
		   "sslrootcert=FILE where the system does not know who has "
		   "signed the server's certificate"
		 : NULL,
	    "%s", protection);
	free(name);
}

static void say_settings(struct doctor *d, const struct ctl *c)
{
	const struct settings *s = c->settings;

	if (c->conf == NULL)
		doctor_say(
		    d, DOCTOR_OK, "settings", NULL, "from the environment");
	else
		doctor_say(d, DOCTOR_OK, "settings", NULL, "%s%s%s", c->conf,
		    s->variables ? ", and from the environment: " : "",
		    s->variables ? s->variables : "");
	if (s->winners != NULL)
		doctor_say(d, DOCTOR_WARN, "settings environment",
		    "unset what is not meant, or take its key out of the file",
		    "wins over the same keys of the file: %s", s->winners);
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {OPTIONS_COMMON};
	struct doctor d = {.c = c};

	if (options_next(c, argc, argv, "", table) != -1)
		return -1;
	if (optind < argc)
		return options_refuse(c, e, "takes no arguments");
	if (connect_queue_settings(c, e) != 0)
		return -1;
	d.checks = json_array();
	say_settings(&d, c);
	if (settings_check_private(c->settings, c->conf, e) != 0)
		doctor_say(
		    &d, DOCTOR_WARN, "settings file", NULL, "%s", e->text);
	doctor_queue(&d);
	if (interrupt_signal() == 0)
		doctor_sources(&d);
	if (interrupt_signal() == 0)
		doctor_output(&d);
	if (interrupt_signal() == 0)
		doctor_inputs(&d);
	if (interrupt_signal() == 0)
		doctor_inbox(&d);
	if (interrupt_signal() == 0)
		doctor_fonts(&d);
	if (interrupt_signal() == 0)
		doctor_places(&d);
	if (interrupt_signal() == 0)
		doctor_smtp(&d);
	if (interrupt_signal() == 0)
		doctor_notices(&d);
	if (interrupt_signal() == 0)
		doctor_server(&d);
	if (interrupt_signal() == 0)
		doctor_scale(&d);
	if (c->json)
		connect_print_json(json_incref(d.checks));
	json_decref(d.checks);
	/* A lost connection was reported as a failure already, so the end of
	 * the program must not report it again. */
	pg_close(c->queue);
	c->queue = NULL;
	c->on_error = CTL_FAILED;
	return d.failed || interrupt_signal() != 0 ? -1 : 0;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "Tests all that the settings name and says how to mend failures",
    .arguments = "",
    .details = "",
    .run = run,
};
