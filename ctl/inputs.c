/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/table.h"
#include "sql/ctl.h"

static const struct table_column columns[] = {
    {"REPORT", "report", TABLE_TEXT, NULL},
    {"INPUT", "input", TABLE_TEXT, NULL},
    {"STATE", "state", TABLE_TEXT, NULL},
    {"REQUEST", "request_id", TABLE_NUMBER, NULL},
    {"SIZE", "size", TABLE_BYTES, NULL},
    {"FOUND", "found_at", TABLE_TIME, NULL},
    {"FILE", "url", TABLE_TEXT, NULL},
    {"WHY", "went", TABLE_TEXT, NULL},
    {.title = NULL},
};

static const char *const states[] = {
    "NEW", "TAKEN", "DONE", "FAILED", "GONE", NULL};

/* params[0] is a report's ID or key, or NULL. */
static int list(struct ctl *c, const char *const *params, struct err *e)
{
	json_t *files = connect_list(c, sql_inputs, 3, params, e);

	if (files == NULL)
		return err_wrap(e, "inputs");
	if (c->json) {
		connect_print_json(files);
		return 0;
	}
	table_print(stdout, columns, files, 0);
	json_decref(files);
	return 0;
}

static const struct table_column place_columns[] = {
    {"REPORT", "report", TABLE_TEXT, NULL},
    {"INPUT", "input", TABLE_TEXT, NULL},
    {"LISTED", "listed_at", TABLE_TIME, NULL},
    {"NAMES", "files", TABLE_NUMBER, NULL},
    {"NEXT", "list_at", TABLE_TIME, NULL},
    {"PATH", "path", TABLE_TEXT, NULL},
    {"ERROR", "error", TABLE_TEXT, NULL},
    {.title = NULL},
};

static int places(
    struct ctl *c, const char *id, const char *limit, struct err *e)
{
	json_t *found =
	    connect_list(c, sql_places, 2, (const char *const[]){id, limit}, e);

	if (found == NULL)
		return err_wrap(e, "inputs");
	if (c->json) {
		connect_print_json(found);
		return 0;
	}
	table_print(stdout, place_columns, found, 0);
	json_decref(found);
	return 0;
}

/* ---- files that have FAILED ---- */

/* The options of the command. */
struct wish {
	const char *id, *limit, *state;
	const char *input, *url;
	int deed; /* 'R' release, 'Q' quarantine, 'P' places; 0: list */
};

static int act(struct ctl *c, const struct wish *w, struct err *e)
{
	char *id = connect_report(c, w->id, e);
	const char *params[] = {id, w->input, w->url};
	char *count =
	    id ? connect_text(c,
		     w->deed == 'R' ? sql_release_input : sql_quarantine_input,
		     3, params, e)
	       : NULL;
	json_int_t number = atoll(count ? count : "0");

	free(id);
	free(count);
	if (count == NULL)
		return err_wrap(e, "inputs");
	if (c->json)
		connect_print_json(json_pack("{sI}", "files", number));
	else
		printf("%lld file%s %s\n", (long long)number,
		    number == 1 ? "" : "s",
		    w->deed == 'R' ? "released" : "go into quarantine");
	return 0;
}

static int check(struct ctl *c, const struct wish *w, struct err *e)
{
	bool acts = w->deed == 'R' || w->deed == 'Q';

	if (acts && w->id == NULL)
		return options_refuse(
		    c, e, "--release and --quarantine need a report");
	if (!acts && (w->input != NULL || w->url != NULL))
		return options_refuse(c, e,
		    "--input and --url are for --release and --quarantine");
	return 0;
}

static int parse(
    struct ctl *c, struct wish *w, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"limit", required_argument, NULL, 'n'},
	    {"state", required_argument, NULL, 's'},
	    {"places", no_argument, NULL, 'P'},
	    {"release", no_argument, NULL, 'R'},
	    {"quarantine", no_argument, NULL, 'Q'},
	    {"input", required_argument, NULL, 'i'},
	    {"url", required_argument, NULL, 'u'},
	    OPTIONS_COMMON,
	};
	int64_t limit;
	int o;

	while ((o = options_next(c, argc, argv, "n:", table)) != -1) {
		if (o == 'n')
			w->limit = optarg;
		else if (o == 's')
			w->state = optarg;
		else if (o == 'i')
			w->input = optarg;
		else if (o == 'u')
			w->url = optarg;
		else if (o != 'P' && o != 'R' && o != 'Q')
			return -1;
		else if (w->deed != 0)
			return options_refuse(c, e,
			    "--places, --release and --quarantine exclude each "
			    "other");
		else
			w->deed = o;
	}
	if (options_one_id(c, argc, argv, &w->id, e) != 0 ||
	    options_number(
		c, "--limit", w->limit, (int64_t[]){1, 100000}, &limit, e) != 0)
		return -1;
	return check(c, w, e);
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct wish w = {.limit = "50"};
	const char *word = NULL;

	if (parse(c, &w, argc, argv, e) != 0)
		return -1;
	if (w.state != NULL && (word = options_word(states, w.state)) == NULL)
		return options_refuse(c, e,
		    "--state %s: must be NEW, TAKEN, DONE, FAILED or GONE",
		    w.state);
	if (w.deed == 'P')
		return places(c, w.id, w.limit, e);
	if (w.deed != 0)
		return connect_queue(c, e) != 0 ? -1 : act(c, &w, e);
	return list(c, (const char *const[]){w.id, word, w.limit}, e);
}

const struct command command_inputs = {
    .name = "inputs",
    .summary = "Lists files that reports have met, the newest first",
    .arguments = "[ID] [--limit N] [--state STATE] [--places]",
    .details =
	"  -n, --limit N         how many [50]\n"
	"      --state STATE     only NEW, TAKEN, DONE, FAILED or GONE ones\n"
	"      --places          what is listed for them, and when\n"
	"      --release         lets FAILED files of the report be taken once "
	"more\n"
	"      --quarantine      moves them to the quarantine of their input\n"
	"      --input NAME      only those of this input\n"
	"      --url URL         only this one\n",
    .run = run,
};
