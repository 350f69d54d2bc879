/* SPDX-License-Identifier: MIT */
#include "export/export.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "ctl/ctl.h"
#include "ctl/export_name.h"
#include "ctl/export_print.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/human.h"
#include "ctl/lib/interrupt.h"
#include "ctl/lib/options.h"
#include "export/outputs.h"
#include "place/stdout.h"
#include "services/services.h"
#include "source/sqltext.h"

struct request {
	const char *sql, *sql_file, *format, *source, *time_zone, *output;
	char *file_text; /* content of sql_file */
	json_t *parameters, *options;
};

/* An export in progress. */
struct job {
	const char *formats, *output;
	const struct source_settings *settings;
	struct source *source;
	struct buf sql;
	struct services *services;
	struct place_lent lent;
	/* run id of its objects, which tells them from those of others */
	char token[32];
	struct export_plan plan;
	struct outputs outputs;
	char time_text[32];
	struct report_info info;
	int64_t rows;
	struct watch watch;
	bool terminal;
	int64_t shown_ms;
};

static int parse(
    struct ctl *c, struct request *r, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"sql", required_argument, NULL, 'S'},
	    {"sql-file", required_argument, NULL, 's'},
	    {"format", required_argument, NULL, 'f'},
	    {"source", required_argument, NULL, 'd'},
	    {"param", required_argument, NULL, 'P'},
	    {"option", required_argument, NULL, 'O'},
	    {"time-zone", required_argument, NULL, 'z'},
	    {"zone", required_argument, NULL, 'z'},
	    {"output", required_argument, NULL, 'o'},
	    OPTIONS_COMMON,
	};
	int o;

	while ((o = options_next(c, argc, argv, "o:", table)) != -1) {
		int rc = 0;

		switch (o) {
		case 'S':
			r->sql = optarg;
			break;
		case 's':
			r->sql_file = optarg;
			break;
		case 'f':
			r->format = optarg;
			break;
		case 'd':
			r->source = optarg;
			break;
		case 'P':
			rc = options_pair(c, r->parameters, optarg, false, e);
			break;
		case 'O':
			rc = options_pair(c, r->options, optarg, true, e);
			break;
		case 'z':
			r->time_zone = optarg;
			break;
		case 'o':
			r->output = optarg;
			break;
		default:
			rc = -1;
		}
		if (rc != 0)
			return -1;
	}
	if (optind < argc)
		return options_refuse(
		    c, e, "\"%s\" belongs to no option", argv[optind]);
	if ((r->sql == NULL) == (r->sql_file == NULL))
		return options_refuse(
		    c, e, "give the query with --sql or --sql-file");
	return 0;
}

static int locate(
    void *arg, struct export_output *o, const char *partition, struct err *e)
{
	const struct job *j = arg;
	char *name = export_name_fill(
	    &j->plan, j->output, o, partition ? partition : "");

	const char *own = export_own_address(&j->plan, o);

	if (own != NULL) {
		free(name);
		name = mem_strdup(own);
	}
	o->place = place_is_file(name) ? export_name_absolute(name, e)
				       : mem_strdup(name);
	free(name);
	return o->place == NULL ||
		       place_check_format(o->place, o->type->name, e) != 0
		   ? -1
		   : place_check(o->place, o->options, e);
}

static int resolve_outputs(struct job *j, struct err *e)
{
	bool standard = strcmp(j->output, "-") == 0;

	for (int i = 0; i < j->plan.count; i++) {
		if (json_bool(j->plan.outputs[i].options, "unload", false))
			return err_set(e, ERR_PERMANENT,
			    "only a report of the queue can unload; leave the "
			    "option out here");
	}
	if (standard && j->plan.count == 1 &&
	    j->plan.outputs[0].partition_by == NULL) {
		j->plan.outputs[0].place = mem_strdup(STDOUT_ADDRESS);
		return 0;
	}
	if (standard)
		return err_set(e, ERR_PERMANENT,
		    "this makes %d files: give a name with -o, such as -o "
		    "'sales{part}.{ext}'",
		    j->plan.count);
	if (export_plan_check_name(&j->plan, j->output, e) != 0)
		return -1;
	for (int i = 0; i < j->plan.count; i++) {
		struct export_output *o = &j->plan.outputs[i];

		if (o->partition_by == NULL && locate(j, o, NULL, e) != 0)
			return -1;
	}
	return 0;
}

static int open_source(
    struct ctl *c, const struct request *r, struct job *j, struct err *e)
{
	struct job_session session = {
	    .application_name = "reportctl export",
	    .time_zone = r->time_zone,
	};

	if (connect_settings(c, e) != 0)
		return -1;
	j->settings = settings_source(c->settings, r->source);
	if (j->settings == NULL) {
		c->on_error = CTL_SETTINGS;
		return err_set(e, ERR_PERMANENT,
		    "the settings have no section [source.%s]", r->source);
	}
	if (j->settings->of_queue &&
	    settings_require_queue(c->settings, e) != 0) {
		c->on_error = CTL_SETTINGS;
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] conninfo is missing; write it, or name "
		    "another source with --source",
		    r->source);
	}
	session.statement_timeout_ms = j->settings->statement_timeout;
	j->source = connect_source(c, j->settings, e);
	if (j->source == NULL)
		c->on_error = CTL_NO_QUEUE;
	if (j->source == NULL || source_begin_job(j->source, &session, e) != 0)
		return err_wrap(e, "source %s", r->source);
	return 0;
}

struct lookup {
	struct source *source;
	const json_t *parameters;
};

static char *look_up(
    void *arg, const char *name, bool identifier, struct err *e)
{
	struct lookup *l = arg;
	const char *value = json_str(l->parameters, name, NULL);

	if (value != NULL)
		return source_quote(l->source, value, identifier, e);
	err_set(e, ERR_PERMANENT,
	    "the SQL uses :'%s'; give it with --param %s=VALUE", name, name);
	return NULL;
}

/* The umask can be read only by setting it. */
static mode_t file_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static void make_token(char to[static 32])
{
	uint64_t bits = 0;

	random_bytes(&bits, sizeof(bits));
	snprintf(to, 32, "reportctl-%016llx", (unsigned long long)bits);
}

/* Lends the target that an output names; the place refuses one that is not
 * there. */
static int lend_target(struct ctl *c, struct job *j, struct err *e)
{
	for (int i = 0; i < j->plan.count; i++) {
		const char *place = j->plan.outputs[i].place;
		char *name = place ? place_target(place) : NULL;

		if (name != NULL)
			j->lent.target = settings_target(c->settings, name);
		free(name);
	}
	return j->lent.target == NULL
		   ? 0
		   : settings_check_target(c->settings, j->lent.target, e);
}

static int open_outputs(struct ctl *c, struct job *j, struct err *e)
{
	make_token(j->token);
	j->services = services_open(c->settings);
	services_set_watch(j->services, &interrupt_watch);
	j->lent = (struct place_lent){.services = j->services,
	    .file_mode = file_mode(),
	    .no_sync = !c->settings->fsync};
	if (lend_target(c, j, e) != 0)
		return -1;
	j->outputs = (struct outputs){.plan = &j->plan,
	    .made_with = {.lent = &j->lent,
		.run_id = j->token,
		.time_zone = j->info.time_zone},
	    .locate = locate,
	    .arg = j};
	return outputs_open(&j->outputs, e);
}

/* Called while rows pass: stops the export after Ctrl-C and shows its
 * progress. */
static int check(void *arg, struct err *e)
{
	struct job *j = arg;
	char rows[HUMAN_SIZE], size[HUMAN_SIZE];
	int64_t now;

	if (watch_check(&interrupt_watch, e) != 0)
		return -1;
	if (outputs_step(&j->plan, e) != 0)
		return -1;
	now = clock_boot_ms();
	if (!j->terminal || now - j->shown_ms < 500)
		return 0;
	j->shown_ms = now;
	fprintf(stderr, "\r\033[K%s  %s", human_rows(rows, j->rows),
	    human_bytes(size, outputs_bytes(&j->plan)));
	fflush(stderr);
	return 0;
}

/* Fills in what an output says about its origin. */
static void fill_info(const struct request *r, struct job *j)
{
	const struct passwd *user = getpwuid(getuid());
	time_t now = time(NULL);
	struct tm tm;

	setenv("TZ", r->time_zone, 1);
	localtime_r(&now, &tm);
	strftime(j->time_text, sizeof(j->time_text), "%Y-%m-%d %H:%M:%S", &tm);
	j->info = (struct report_info){.title = "Report",
	    .author = user ? user->pw_name : "",
	    .time_zone = r->time_zone,
	    .time = now,
	    .time_text = j->time_text};
}

static int transfer(struct job *j, struct err *e)
{
	struct export_options o = {
	    .source = j->source,
	    .plan = &j->plan,
	    .info = &j->info,
	    .watch = &j->watch,
	    .rows = &j->rows,
	    .open = outputs_open_late,
	    .arg = &j->outputs,
	};
	int rc;

	source_set_watch(j->source, &j->watch);
	rc = export_run(&o, e);
	if (j->terminal)
		fputs("\r\033[K", stderr);
	if (rc != 0 || outputs_none(&j->plan, j->rows))
		return rc;
	return outputs_finish(&j->plan, e) != 0 ||
		       outputs_finish_locked(&j->plan, e) != 0
		   ? -1
		   : outputs_publish(&j->plan, 0, e);
}

static int plan(
    struct ctl *c, const struct request *r, struct job *j, struct err *e)
{
	c->on_error = CTL_USAGE;
	j->formats = r->format ? r->format : export_name_format(r->output, e);
	if (j->formats == NULL ||
	    export_plan_open(&j->plan, r->sql, j->formats, r->options, e) != 0)
		return -1;
	return export_name_check(j->output, &j->plan, j->formats, e);
}

static int export(
    struct ctl *c, struct request *r, struct job *j, struct err *e)
{
	struct lookup l = {.parameters = r->parameters};

	if (r->sql_file != NULL) {
		r->sql = r->file_text = options_read_file(r->sql_file, e);
		if (r->sql == NULL)
			return -1;
	}
	j->output = r->output;
	fill_info(r, j);
	/* These checks need no connection, so they come before it. */
	if (plan(c, r, j, e) != 0)
		return -1;
	c->on_error = CTL_FAILED;
	if (resolve_outputs(j, e) != 0)
		return -1;
	if (open_source(c, r, j, e) != 0)
		return -1;
	l.source = j->source;
	if (sqltext_substitute(r->sql, look_up, &l, &j->sql, e) != 0 ||
	    export_plan_set_sql(&j->plan, j->sql.data, e) != 0 ||
	    (j->plan.statement_count > 1 &&
		json_bool(r->options, "snapshot", true) &&
		source_check(j->source, SOURCE_SNAPSHOT, e) != 0) ||
	    open_outputs(c, j, e) != 0)
		return -1;
	if (transfer(j, e) != 0) {
		source_advise(j->source, r->sql, true, e);
		return -1;
	}
	export_print(&j->plan, j->rows, c->json);
	return 0;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct request r = {
	    .source = "default",
	    .time_zone = "UTC",
	    .output = "-",
	    .parameters = json_object(),
	    .options = json_object(),
	};
	struct job j = {.terminal = isatty(STDERR_FILENO) != 0};
	int rc = -1;

	buf_init(&j.sql, SOURCE_SQL_MAX);
	j.watch = (struct watch){.check = check, .arg = &j};
	if (parse(c, &r, argc, argv, e) == 0) {
		rc = export(c, &r, &j, e);
		if (rc != 0 && c->on_error != CTL_SETTINGS)
			err_wrap(e, "export");
	}
	source_close(j.source);
	export_plan_free(&j.plan);
	services_close(j.services);
	buf_free(&j.sql);
	free(r.file_text);
	json_decref(r.parameters);
	json_decref(r.options);
	return rc;
}

const struct command command_export = {
    .name = "export",
    .summary = "Exports the results of queries, without the queue",
    .arguments = "(--sql TEXT | --sql-file FILE) [-o FILE] [OPTION...]",
    .details =
	"      --sql TEXT        the query, or several of them\n"
	"      --sql-file FILE   the same from a file; - is standard input\n"
	"  -o, --output FILE     where to, or s3://bucket/key; - is standard "
	"output [-];\n"
	"                        {ext}, {part} and {section} in it tell "
	"several files\n"
	"                        apart\n"
	"      --format FORMAT   one or more, CSV,XLSX; see `reportctl "
	"formats`\n"
	"                        [by FILE's name, or CSV]\n"
	"      --option N=VALUE  an output option, such as delimiter=';' or "
	"max_rows=100;\n"
	"                        VALUE may be JSON; may be given many times\n"
	"      --param N=VALUE   a parameter, :'N' or :\"N\" in SQL; may be "
	"given many\n"
	"                        times\n"
	"      --source NAME     the database to read [default]\n"
	"      --time-zone ZONE  in which times are written [UTC]\n",
    .run = run,
};
