/* SPDX-License-Identifier: MIT */
#include "export/export.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/human.h"
#include "ctl/interrupt.h"
#include "ctl/options.h"
#include "sink/digest.h"
#include "sink/file.h"
#include "sink/stdout.h"
#include "source/sqltext.h"

#define SQL_MAX ((size_t)8 << 20)

struct request {
	const char *sql, *sql_file, *format, *source, *time_zone, *output;
	char *file_text; /* what sql_file holds */
	json_t *parameters, *options;
};

/* One export under way. */
struct job {
	const struct encoder_type *type;
	const struct source_settings *settings;
	struct source *source;
	struct buf sql;
	struct sink *sink; /* counts and passes on */
	char *path;        /* NULL: standard output */
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

/* The format asked for, or else what the file's name ends in, or CSV. */
static int choose_format(
    struct ctl *c, const struct request *r, struct job *j, struct err *e)
{
	const char *dot = strrchr(r->output, '.');
	const struct encoder_type *t;

	j->type = encoder_type_named(r->format ? r->format : "CSV");
	if (j->type == NULL)
		return options_refuse(c, e,
		    "there is no format \"%s\"; see `reportctl formats`",
		    r->format);
	if (dot == NULL || r->format != NULL)
		return 0;
	for (int i = 0; (t = encoder_type_at(i)) != NULL; i++) {
		if (strcasecmp(t->extension, dot + 1) == 0)
			j->type = t;
	}
	return 0;
}

/* Absolute, through links, and never in place of a device. */
static int resolve_output(struct job *j, const char *output, struct err *e)
{
	char *here = NULL;
	struct stat st;

	if (strcmp(output, "-") == 0)
		return 0;
	if (stat(output, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return err_set(e, ERR_PERMANENT,
			    "%s is not a regular file; to write into it use "
			    "-o - and the shell's >",
			    output);
		j->path = realpath(output, NULL);
	} else if (*output == '/') {
		j->path = mem_strdup(output);
	} else if ((here = realpath(".", NULL)) != NULL) {
		j->path = mem_printf("%s/%s", here, output);
	}
	free(here);
	return j->path ? 0 : err_errno(e, errno, "%s", output);
}

static int open_source(
    struct ctl *c, const struct request *r, struct job *j, struct err *e)
{
	struct job_session session = {
	    .application_name = "reportctl export",
	    .time_zone = r->time_zone,
	};
	struct source_options options;

	if (connect_settings(c, e) != 0)
		return -1;
	j->settings = settings_source(c->settings, r->source);
	if (j->settings == NULL) {
		c->on_error = CTL_SETTINGS;
		return err_set(e, ERR_PERMANENT,
		    "the settings have no section [source.%s]", r->source);
	}
	options = (struct source_options){.type = j->settings->type,
	    .conninfo = settings_conninfo(c->settings, j->settings)};
	session.statement_timeout_ms = j->settings->statement_timeout;
	j->source = source_connect(&options, &interrupt_watch, e);
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

/* The umask can only be read by setting it. */
static mode_t file_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int open_sink(struct ctl *c, struct job *j, struct err *e)
{
	struct file_options o = {
	    .path = j->path,
	    .mode = file_mode(),
	    .no_sync = !c->settings->fsync,
	};
	struct sink *place = j->path ? file_open(&o, e) : stdout_open();

	j->sink = place ? digest_open(place, e) : NULL;
	return j->sink ? 0 : -1;
}

/* Called while rows pass: stops at Ctrl-C, shows how far it is. */
static int check(void *arg, struct err *e)
{
	struct job *j = arg;
	char rows[HUMAN_SIZE], size[HUMAN_SIZE];
	int64_t now;

	if (watch_check(&interrupt_watch, e) != 0)
		return -1;
	now = clock_boot_ms();
	if (!j->terminal || j->sink == NULL || now - j->shown_ms < 500)
		return 0;
	j->shown_ms = now;
	fprintf(stderr, "\r\033[K%s  %s", human_rows(rows, j->rows),
	    human_bytes(size, (int64_t)digest_bytes(j->sink)));
	fflush(stderr);
	return 0;
}

static int transfer(struct job *j, const json_t *options, struct err *e)
{
	struct export_options o = {
	    .source = j->source,
	    .sql = j->sql.data,
	    .type = j->type,
	    .options = options,
	    .sink = j->sink,
	    .watch = &j->watch,
	    .rows = &j->rows,
	};
	int rc;

	source_set_watch(j->source, &j->watch);
	rc = export_run(&o, e);
	if (j->terminal)
		fputs("\r\033[K", stderr);
	if (rc != 0 || sink_finish(j->sink, e) != 0)
		return -1;
	return sink_publish(j->sink, e);
}

static void print(struct ctl *c, const struct job *j)
{
	json_int_t bytes = (json_int_t)digest_bytes(j->sink);
	char rows[HUMAN_SIZE];
	json_t *answer;

	if (!c->json) {
		fprintf(stderr, "%s, %lld bytes, sha256 %s\n",
		    human_rows(rows, j->rows), (long long)bytes,
		    digest_sha256(j->sink));
		return;
	}
	answer = json_pack("{sI sI ss ss}", "rows", (json_int_t)j->rows,
	    "bytes", bytes, "sha256", digest_sha256(j->sink), "output",
	    j->path ? j->path : "-");
	json_dumpf(answer, j->path ? stdout : stderr, JSON_INDENT(2));
	fputc('\n', j->path ? stdout : stderr);
	json_decref(answer);
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
	if (resolve_output(j, r->output, e) != 0 ||
	    open_source(c, r, j, e) != 0)
		return -1;
	l.source = j->source;
	if (sqltext_substitute(r->sql, look_up, &l, &j->sql, e) != 0 ||
	    open_sink(c, j, e) != 0 || transfer(j, r->options, e) != 0)
		return -1;
	print(c, j);
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

	buf_init(&j.sql, SQL_MAX);
	j.watch = (struct watch){.check = check, .arg = &j};
	if (parse(c, &r, argc, argv, e) == 0 &&
	    choose_format(c, &r, &j, e) == 0) {
		rc = export(c, &r, &j, e);
		if (rc != 0 && c->on_error != CTL_SETTINGS)
			err_wrap(e, "export");
	}
	source_close(j.source);
	sink_free(j.sink);
	buf_free(&j.sql);
	free(j.path);
	free(r.file_text);
	json_decref(r.parameters);
	json_decref(r.options);
	return rc;
}

const struct command command_export = {
    .name = "export",
    .summary = "Exports the result of one query, without the queue",
    .arguments = "(--sql TEXT | --sql-file FILE) [-o FILE] [OPTION...]",
    .details =
	"      --sql TEXT        the query\n"
	"      --sql-file FILE   the same from a file; - is standard input\n"
	"  -o, --output FILE     where to; - is standard output [-]\n"
	"      --format FORMAT   see `reportctl formats` [by FILE's name, or "
	"CSV]\n"
	"      --option N=VALUE  an output option, such as delimiter=';'; may "
	"be given\n"
	"                        many times\n"
	"      --param N=VALUE   a parameter, :'N' or :\"N\" in SQL; may be "
	"given many\n"
	"                        times\n"
	"      --source NAME     the database to read [default]\n"
	"      --time-zone ZONE  in which times are written [UTC]\n",
    .run = run,
};
