/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/follow.h"
#include "ctl/lib/options.h"
#include "sql/ctl.h"

/* The parameters of submit.sql, in its order. */
enum {
	NAME = 1,
	SQL,
	PREP,
	PARAMETERS,
	FORMAT,
	PATH,
	OPTIONS,
	PRIORITY,
	SOURCE,
	TYPE,
	SCHEDULE,
	ZONE,
	MISFIRE,
	TIMEOUT,
	RETRIES,
	KEY,
	NOTIFY,
	NOTIFY_FAILURE,
	RESULT,
	AFTER,
	WAIT_TIMEOUT,
	OVERLAP,
	INPUTS,
	COUNT = INPUTS,
};

static const struct option table[] = {
    {"name", required_argument, NULL, NAME},
    {"sql", required_argument, NULL, SQL},
    {"sql-file", required_argument, NULL, 's'},
    {"prep", required_argument, NULL, PREP},
    {"prep-file", required_argument, NULL, 'p'},
    {"result", required_argument, NULL, RESULT},
    {"param", required_argument, NULL, 'P'},
    {"input", required_argument, NULL, 'i'},
    {"inputs", required_argument, NULL, 'I'},
    {"format", required_argument, NULL, FORMAT},
    {"path", required_argument, NULL, PATH},
    {"option", required_argument, NULL, 'O'},
    {"priority", required_argument, NULL, PRIORITY},
    {"source", required_argument, NULL, SOURCE},
    {"type", required_argument, NULL, TYPE},
    {"schedule", required_argument, NULL, SCHEDULE},
    {"time-zone", required_argument, NULL, ZONE},
    {"zone", required_argument, NULL, ZONE},
    {"after", required_argument, NULL, 'a'},
    {"wait-timeout", required_argument, NULL, WAIT_TIMEOUT},
    {"horizon-overlap", required_argument, NULL, OVERLAP},
    {"misfire", required_argument, NULL, MISFIRE},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"max-retries", required_argument, NULL, RETRIES},
    {"key", required_argument, NULL, KEY},
    {"notify", required_argument, NULL, 'n'},
    {"notify-failure", required_argument, NULL, 'f'},
    {"wait", no_argument, NULL, 'w'},
    OPTIONS_COMMON,
};

struct request {
	const char *params[COUNT + 1]; /* [0] is not used */
	const char *sql_file, *prep_file;
	char *sql, *prep; /* contents of the files */
	json_t *parameters, *options;
	json_t *notify, *notify_failure; /* arrays of URLs */
	json_t *after;                   /* array of keys */
	json_t *inputs;                  /* by name */
	char *parameters_text, *options_text, *notify_text,
	    *notify_failure_text, *after_text, *inputs_text;
	bool wait;
};

static int add_text(struct ctl *c, json_t *texts, struct err *e)
{
	if (json_array_append_new(texts, json_string(optarg)) == 0)
		return 0;
	return options_refuse(c, e, "\"%s\" is not valid UTF-8", optarg);
}

/* Adds all inputs of a JSON object. */
static int add_inputs(
    struct ctl *c, json_t *inputs, const char *text, struct err *e)
{
	json_t *given = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	int rc = json_object_update(inputs, given);

	json_decref(given);
	return rc == 0 ? 0
		       : options_refuse(c, e,
			     "--inputs %s: must be a JSON object, such as "
			     "{\"orders\": {\"path\": \"/srv/in/*.csv\"}}",
			     text);
}

/* The array as JSON text, NULL when it is empty; the caller frees it. */
static char *array_text(const json_t *array)
{
	return json_array_size(array) > 0 ? json_dumps(array, 0) : NULL;
}

static int parse(
    struct ctl *c, struct request *r, int argc, char **argv, struct err *e)
{
	int o;

	while ((o = options_next(c, argc, argv, "", table)) != -1) {
		int rc = 0;

		if (o <= COUNT)
			r->params[o] = optarg;
		else if (o == 's')
			r->sql_file = optarg;
		else if (o == 'p')
			r->prep_file = optarg;
		else if (o == 'P')
			rc = options_pair(c, r->parameters, optarg, false, e);
		else if (o == 'O')
			rc = options_pair(c, r->options, optarg, true, e);
		else if (o == 'i')
			rc = options_pair(c, r->inputs, optarg, true, e);
		else if (o == 'I')
			rc = add_inputs(c, r->inputs, optarg, e);
		else if (o == 'n' || o == 'f')
			rc = add_text(
			    c, o == 'n' ? r->notify : r->notify_failure, e);
		else if (o == 'a')
			rc = add_text(c, r->after, e);
		else if (o == 'w')
			r->wait = true;
		else
			rc = -1;
		if (rc != 0)
			return -1;
	}
	if (optind < argc)
		return options_refuse(
		    c, e, "\"%s\" belongs to no option", argv[optind]);
	return 0;
}

static int check_numbers(struct ctl *c, struct request *r, struct err *e)
{
	int64_t unused;

	if (r->params[PRIORITY] != NULL &&
	    options_number(c, "--priority", r->params[PRIORITY],
		(int64_t[]){1, 5}, &unused, e) != 0)
		return -1;
	if (r->params[RETRIES] != NULL &&
	    options_number(c, "--max-retries", r->params[RETRIES],
		(int64_t[]){0, 100}, &unused, e) != 0)
		return -1;
	return 0;
}

static int check(struct ctl *c, struct request *r, struct err *e)
{
	if (r->params[NAME] == NULL)
		return options_refuse(c, e, "--name is missing");
	if (r->params[SQL] != NULL && r->sql_file != NULL)
		return options_refuse(
		    c, e, "--sql and --sql-file exclude each other");
	if (r->params[PREP] != NULL && r->prep_file != NULL)
		return options_refuse(
		    c, e, "--prep and --prep-file exclude each other");
	if (r->params[SQL] == NULL && r->sql_file == NULL &&
	    r->params[PREP] == NULL && r->prep_file == NULL &&
	    r->params[RESULT] == NULL && json_object_size(r->inputs) == 0)
		return options_refuse(c, e,
		    "nothing to do; give --sql (a query to export), --prep "
		    "(statements that build tables), or both");
	if (r->wait && r->params[SCHEDULE] != NULL)
		return options_refuse(c, e,
		    "--wait would wait for the first time of --schedule; "
		    "submit without it and use `reportctl run ID --wait`");
	if (r->wait && json_object_size(r->inputs) > 0)
		return options_refuse(c, e,
		    "--wait would wait for new files; submit without it and "
		    "use `reportctl run ID --wait`");
	if (r->wait && json_array_size(r->after) > 0)
		return options_refuse(c, e,
		    "--wait would wait for the reports in --after to run; "
		    "submit without it and use `reportctl run ID --wait`");
	return check_numbers(c, r, e);
}

static int read_files(struct request *r, struct err *e)
{
	if (r->sql_file != NULL) {
		r->params[SQL] = r->sql = options_read_file(r->sql_file, e);
		if (r->sql == NULL)
			return err_wrap(e, "submit");
	}
	if (r->prep_file != NULL) {
		r->params[PREP] = r->prep = options_read_file(r->prep_file, e);
		if (r->prep == NULL)
			return err_wrap(e, "submit");
	}
	return 0;
}

static int submit(struct ctl *c, struct request *r, struct err *e)
{
	char *id;
	int rc;

	r->params[PARAMETERS] = r->parameters_text =
	    json_dumps(r->parameters, 0);
	r->params[OPTIONS] = r->options_text =
	    json_dumps(r->options, JSON_REAL_PRECISION(15));
	r->params[NOTIFY] = r->notify_text = array_text(r->notify);
	r->params[NOTIFY_FAILURE] = r->notify_failure_text =
	    array_text(r->notify_failure);
	r->params[AFTER] = r->after_text = array_text(r->after);
	if (json_object_size(r->inputs) > 0)
		r->params[INPUTS] = r->inputs_text = json_dumps(r->inputs, 0);
	if (r->wait && follow_prepare(c, e) != 0)
		return err_wrap(e, "submit");
	id = connect_text(c, sql_submit, COUNT, r->params + 1, e);
	if (id == NULL)
		return err_wrap(e, "submit");
	if (!c->json) {
		printf("%s\n", id);
		fflush(stdout);
	}
	rc = 0;
	if (r->wait)
		rc = follow_report(c, id, NULL, e);
	else if (c->json)
		connect_print_json(
		    json_pack("{sI}", "config_id", (json_int_t)atoll(id)));
	free(id);
	return rc;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct request r = {.parameters = json_object(),
	    .options = json_object(),
	    .notify = json_array(),
	    .notify_failure = json_array(),
	    .after = json_array(),
	    .inputs = json_object()};
	int rc = -1;

	if (parse(c, &r, argc, argv, e) == 0 && check(c, &r, e) == 0 &&
	    read_files(&r, e) == 0 && connect_queue(c, e) == 0)
		rc = submit(c, &r, e);
	json_decref(r.parameters);
	json_decref(r.options);
	json_decref(r.notify);
	json_decref(r.notify_failure);
	json_decref(r.after);
	json_decref(r.inputs);
	free(r.notify_text);
	free(r.notify_failure_text);
	free(r.after_text);
	free(r.inputs_text);
	free(r.parameters_text);
	free(r.options_text);
	free(r.sql);
	free(r.prep);
	return rc;
}

const struct command command_submit = {
    .name = "submit",
    .summary = "Asks for a report and prints its ID",
    .arguments = "--name NAME [--sql TEXT] [--prep TEXT] [OPTION...]",
    .details =
	"      --name NAME       of the report; also in its default path\n"
	"      --key KEY         a name for programs, unique in the queue\n"
	"      --sql TEXT        the query to export\n"
	"      --sql-file FILE   the same from a file; - is standard input\n"
	"      --prep TEXT       statements that run before the export\n"
	"      --prep-file FILE  the same from a file; - is standard input\n"
	"      --result TEXT     a query of one row, kept for later runs\n"
	"      --param N=VALUE   a parameter, :'N' in SQL and {N} in the "
	"path;\n"
	"                        may be given many times\n"
	"      --input N=PATH    files that it reads, as a path or a JSON "
	"object; may be\n"
	"                        given many times; without a schedule: runs "
	"for new files\n"
	"      --inputs JSON     the same for several: {\"N\": PATH, ...}\n"
	"      --format FORMAT   of the output [CSV]; see `reportctl formats`\n"
	"      --path PATH       where to, such as {report_name}-%Y%m%d.{ext}\n"
	"      --option N=VALUE  an output option, such as delimiter=';'; may "
	"be given\n"
	"                        many times\n"
	"      --priority N      1 (first) to 5 (last) [3]\n"
	"      --source NAME     the database to read [default]\n"
	"      --type NAME       report type, for v_report_metrics\n"
	"      --schedule CRON   run at each time of a cron expression\n"
	"      --after KEY       run when the report of this key has; may be "
	"given many\n"
	"                        times; with --schedule: wait for it\n"
	"      --wait-timeout TIME  the longest wait for them [24 hours]\n"
	"      --horizon-overlap TIME  :'horizon' of a source that cannot tell "
	"it\n"
	"      --time-zone ZONE  of the schedule and the output [UTC]\n"
	"      --misfire POLICY  missed times: LATEST, SKIP or ALL [LATEST]\n"
	"      --timeout TIME    limit of one run, such as '10 min'\n"
	"      --max-retries N   0 to 100 [3]\n"
	"      --notify URL      where to tell that it COMPLETED: mailto:, "
	"https:// ...\n"
	"                        may be given many times\n"
	"      --notify-failure URL  the same when it FAILED for good\n"
	"      --wait            follow it to its end; the exit code tells how "
	"it went\n",
    .run = run,
};
