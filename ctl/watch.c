/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/watch.h"
#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/human.h"
#include "ctl/lib/interrupt.h"
#include "ctl/lib/options.h"
#include "ctl/lib/result.h"
#include "ctl/lib/table.h"
#include "sql/ctl.h"

/* Without a terminal: the most runs that may end in one interval without any
 * being missed. */
#define ENDED "200"

static const struct table_column running_columns[] = {
    {"RUN", "run_id", TABLE_NUMBER, NULL},
    {"ID", "config_id", TABLE_NUMBER, NULL},
    {"RUNNING", "report_name", TABLE_TEXT, NULL},
    {"STAGE", "stage", TABLE_TEXT, NULL},
    {"PROGRESS", NULL, TABLE_BAR, NULL},
    {"ROWS", "row_count", TABLE_NUMBER, NULL},
    {"SIZE", "byte_count", TABLE_BYTES, NULL},
    {"FOR", "seconds", TABLE_SPAN, NULL},
    {.title = NULL},
};

static const struct table_column pending_columns[] = {
    {"ID", "config_id", TABLE_NUMBER, NULL},
    {"WAITING", "report_name", TABLE_TEXT, NULL},
    {"TRIGGER", "trigger_type", TABLE_TEXT, NULL},
    {"PRIORITY", "priority", TABLE_NUMBER, NULL},
    {"SOURCE", "source", TABLE_TEXT, NULL},
    {"FOR", "seconds", TABLE_SPAN, NULL},
    {.title = NULL},
};

static const struct table_column ended_columns[] = {
    {"RUN", "run_id", TABLE_NUMBER, NULL},
    {"ID", "config_id", TABLE_NUMBER, NULL},
    {"ENDED", "report_name", TABLE_TEXT, NULL},
    {"STATUS", "status", TABLE_TEXT, NULL},
    {"TOOK", "seconds", TABLE_SPAN, NULL},
    {"ROWS", "row_count", TABLE_NUMBER, NULL},
    {"SIZE", "byte_count", TABLE_BYTES, NULL},
    {"RESULT", "result", TABLE_TEXT, NULL},
    {.title = NULL},
};

struct watcher {
	struct ctl *c;
	int64_t interval_ms;
	bool terminal;
	bool begun;   /* the first look has succeeded */
	json_t *seen; /* run_id -> line last printed for the run */
};

static void headline(FILE *out, const json_t *now, int width)
{
	const json_t *daemons = json_object_get(now, "daemons");
	char time[HUMAN_SIZE], text[256];
	int alive = 0;

	for (size_t i = 0; i < json_array_size(daemons); i++)
		alive +=
		    strcmp(json_str(json_array_get(daemons, i), "state", ""),
			"alive") == 0;
	snprintf(text, sizeof(text),
	    "%s   %zu running, %lld waiting, %d daemon%s",
	    human_time(time, json_str(now, "at", "")),
	    json_array_size(json_object_get(now, "running")),
	    (long long)json_int(now, "pending_count", 0), alive,
	    alive == 1 ? "" : "s");
	table_line(out, text, width);
}

/* Draws the page over the old one, as many lines as fit. */
static void show(const char *page, int lines)
{
	fputs("\033[H", stdout);
	for (int n = 1; *page != '\0' && n < lines; n++) {
		int len = (int)strcspn(page, "\n");

		printf("%.*s\033[K\n", len, page);
		page += len + 1;
	}
	fputs("\033[J", stdout);
	fflush(stdout);
}

static struct winsize window(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_row == 0 ||
	    w.ws_col == 0)
		w = (struct winsize){.ws_row = 24, .ws_col = 80};
	return w;
}

static void draw(json_t *now)
{
	static const struct {
		const char *key;
		const struct table_column *columns;
	} parts[] = {{"running", running_columns}, {"pending", pending_columns},
	    {"ended", ended_columns}};
	struct winsize w = window();
	char *page;
	size_t size;
	FILE *out = open_memstream(&page, &size);

	if (out == NULL)
		return;
	result_fill(json_object_get(now, "ended"));
	headline(out, now, w.ws_col);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		const json_t *array = json_object_get(now, parts[i].key);

		if (json_array_size(array) == 0)
			continue;
		fputc('\n', out);
		table_print(out, parts[i].columns, array, w.ws_col);
	}
	fclose(out);
	show(page, w.ws_row);
	free(page);
}

/* Returns the line about a run; the caller frees it. */
static char *line_of(const json_t *run, bool running)
{
	char rows[HUMAN_SIZE], size[HUMAN_SIZE], took[HUMAN_SIZE];
	const char *result = json_str(run, "result", "");
	char *text, *clean;

	human_span(took, json_number_value(json_object_get(run, "seconds")));
	text = mem_printf("run %lld of report %lld \"%s\": %s, %s, %s%s%s%s%s",
	    (long long)json_int(run, "run_id", 0),
	    (long long)json_int(run, "config_id", 0),
	    json_str(run, "report_name", ""),
	    json_str(run, running ? "stage" : "status", ""),
	    human_rows(rows, json_int(run, "row_count", 0)),
	    human_bytes(size, json_int(run, "byte_count", 0)),
	    running ? "" : ", ", running ? "" : took, *result ? ": " : "",
	    result);
	clean = table_clean(text);
	free(text);
	return clean;
}

/* Prints the line of each run in the array whose line has changed. */
static void tell(
    struct watcher *w, const json_t *runs, bool running, json_t *seen)
{
	for (size_t i = json_array_size(runs); i-- > 0;) {
		const json_t *run = json_array_get(runs, i);
		char *line = line_of(run, running);
		char key[32];

		snprintf(key, sizeof(key), "%lld",
		    (long long)json_int(run, "run_id", 0));
		/* runs that ended before the first look are not printed */
		if (strcmp(line, json_str(w->seen, key, "")) != 0 &&
		    (running || w->begun))
			puts(line);
		json_object_set_new(seen, key, json_string(line));
		free(line);
	}
}

static void print(struct watcher *w, json_t *now)
{
	json_t *seen;

	if (w->c->json) {
		json_dumpf(now, stdout, JSON_REAL_PRECISION(15));
		putchar('\n');
	} else if (w->terminal) {
		draw(now);
	} else {
		result_fill(json_object_get(now, "ended"));
		if (!w->begun)
			headline(stdout, now, 0);
		seen = json_object();
		tell(w, json_object_get(now, "ended"), false, seen);
		tell(w, json_object_get(now, "running"), true, seen);
		json_decref(w->seen);
		w->seen = seen;
	}
	fflush(stdout);
}

static int look(struct watcher *w, struct err *e)
{
	const char *limit = ENDED;
	char third[16];
	json_t *now;

	if (w->c->queue != NULL && !pg_alive(w->c->queue)) {
		pg_close(w->c->queue);
		w->c->queue = NULL;
	}
	if (w->c->queue == NULL && connect_queue(w->c, e) != 0)
		return -1;
	if (w->terminal) {
		snprintf(third, sizeof(third), "%d", window().ws_row / 3);
		limit = third;
	}
	connect_looks(w->c);
	now = connect_json(w->c, sql_overview, 1, &limit, e);
	if (now == NULL)
		return err_wrap(e, "watch");
	print(w, now);
	w->begun = true;
	json_decref(now);
	return 0;
}

/* A restart of the server does not end a watch that has begun. */
static int watch(struct watcher *w, struct err *e)
{
	struct err lost;

	for (;;) {
		w->c->on_error = CTL_FAILED;
		if (look(w, e) != 0) {
			if (interrupt_signal() != 0)
				return 0;
			if (!w->begun || e->kind != ERR_TRANSIENT)
				return -1;
			lost = *e;
			err_wrap(&lost, "trying again");
			ctl_complain(&lost);
		}
		if (watch_wait(&interrupt_watch, -1, 0,
			clock_boot_ms() + w->interval_ms, e) < 0)
			return interrupt_signal() != 0 ? 0 : -1;
	}
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"interval", required_argument, NULL, 'i'},
	    OPTIONS_COMMON,
	};
	struct watcher w = {.c = c, .interval_ms = 1000};
	const char *interval = "1s";
	int o, rc;

	while ((o = options_next(c, argc, argv, "", table)) != -1) {
		if (o != 'i')
			return -1;
		interval = optarg;
	}
	if (optind < argc)
		return options_refuse(c, e, "takes no arguments");
	if (str_to_ms(interval, &w.interval_ms) != 0 || w.interval_ms < 100 ||
	    w.interval_ms > 3600000)
		return options_refuse(c, e,
		    "--interval %s: must be a time from 100ms to 1h", interval);
	w.terminal = !c->json && isatty(STDOUT_FILENO);
	w.seen = json_object();
	if (w.terminal)
		fputs("\033[H\033[2J", stdout);
	rc = watch(&w, e);
	json_decref(w.seen);
	return rc;
}

const struct command command_watch = {
    .name = "watch",
    .summary =
	"Shows what runs and waits, live; plain lines without a terminal",
    .arguments = "[--interval TIME]",
    .details =
	"      --interval TIME   between two looks, such as 500ms [1s]\n",
    .run = run,
};
