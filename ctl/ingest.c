/* SPDX-License-Identifier: MIT */
#include "ctl/ingest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "ctl/ctl.h"
#include "ctl/export_name.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "sql/ctl.h"

/* A table up to this size is copied as a whole when nothing tells what is new. */
#define SMALL "8MB"

static const struct option options[] = {
    {"schema", required_argument, NULL, 'S'},
    {"to", required_argument, NULL, 't'},
    {"every", required_argument, NULL, 'e'},
    {"together", no_argument, NULL, 'T'},
    {"key", required_argument, NULL, 'k'},
    {"watermark", required_argument, NULL, 'w'},
    {"full", required_argument, NULL, 'F'},
    {"exclude", required_argument, NULL, 'x'},
    {"small", required_argument, NULL, 's'},
    {"format", required_argument, NULL, 'f'},
    {"option", required_argument, NULL, 'O'},
    {"time-zone", required_argument, NULL, 'z'},
    {"zone", required_argument, NULL, 'z'},
    {"horizon-overlap", required_argument, NULL, 'o'},
    {"notify-failure", required_argument, NULL, 'n'},
    {"dry-run", no_argument, NULL, 'd'},
    OPTIONS_COMMON,
};

static int add(struct ctl *c, json_t *texts, struct err *e)
{
	if (json_array_append_new(texts, json_string(optarg)) == 0)
		return 0;
	return options_refuse(c, e, "\"%s\" is not valid UTF-8", optarg);
}

/* As report_config keeps it: in upper case and without spaces. */
static void set_format(struct ingest *in, const char *text)
{
	char *to;

	free(in->format);
	in->format = to = mem_strdup(text);
	for (; *text != '\0'; text++) {
		if (*text != ' ')
			*to++ = (char)toupper((unsigned char)*text);
	}
	*to = '\0';
}

static int take(struct ctl *c, struct ingest *in, int o, struct err *e)
{
	switch (o) {
	case 'S':
		in->schema = optarg;
		return 0;
	case 't':
		in->to = optarg;
		return 0;
	case 'e':
		in->every = optarg;
		return 0;
	case 'T':
		in->together = true;
		return 0;
	case 'k':
		in->key = optarg;
		return 0;
	case 'w':
		return options_pair(c, in->since, optarg, false, e);
	case 'F':
		return add(c, in->whole, e);
	case 'x':
		return add(c, in->exclude, e);
	case 's':
		if (str_to_bytes(optarg, &in->small) == 0)
			return 0;
		return options_refuse(
		    c, e, "--small %s: write a size, such as 64MB", optarg);
	case 'f':
		set_format(in, optarg);
		return 0;
	case 'O':
		return options_pair(c, in->options, optarg, true, e);
	case 'z':
		in->time_zone = optarg;
		return 0;
	case 'o':
		in->overlap = optarg;
		return 0;
	case 'n':
		return add(c, in->notify, e);
	case 'd':
		in->dry_run = true;
		return 0;
	default:
		return -1;
	}
}

static int parse(
    struct ctl *c, struct ingest *in, int argc, char **argv, struct err *e)
{
	int o;

	while ((o = options_next(c, argc, argv, "", options)) != -1) {
		if (take(c, in, o, e) != 0)
			return -1;
	}
	if (argc - optind != 1)
		return options_refuse(c, e, "give the name of one source");
	in->source = argv[optind];
	if (in->to == NULL || strstr(in->to, "{table}") == NULL)
		return options_refuse(c, e,
		    "give the path of each table's files, with its name as "
		    "{table}: --to 'raw/{table}/%%Y/%%m/%%d/"
		    "{request_id}.{ext}'");
	if (in->every == NULL)
		return options_refuse(
		    c, e, "give the schedule: --every '*/5 * * * *'");
	if (in->key == NULL)
		in->key = in->source;
	if (in->format == NULL) {
		const char *format = strstr(in->to, "{ext}")
					 ? "PARQUET"
					 : export_name_format(in->to, e);

		if (format == NULL)
			return -1;
		set_format(in, format);
	}
	if (in->together && strcmp(in->format, "TABLE") == 0)
		return options_refuse(c, e,
		    "a target takes a report for each table: leave "
		    "--together out");
	return 0;
}

/* ---- which tables, and how ---- */

/* Refuses a pattern that fits no table, because it is a mistake. */
static int check_patterns(struct ctl *c, const char *option,
    const json_t *patterns, const json_t *entries, struct err *e)
{
	size_t i;
	json_t *pattern;

	json_array_foreach((json_t *)(uintptr_t)patterns, i, pattern)
	{
		json_t *one = json_pack("[O]", pattern), *entry;
		bool fits = false;
		size_t k;

		json_array_foreach((json_t *)(uintptr_t)entries, k, entry)
		{
			fits = fits ||
			       ingest_fits(one, json_str(entry, "table", ""));
		}
		json_decref(one);
		if (!fits)
			return options_refuse(c, e,
			    "%s %s: no table of the schema has such a name",
			    option, json_string_value(pattern));
	}
	return 0;
}

static int check_names(struct ctl *c, const struct ingest *in,
    const json_t *entries, struct err *e)
{
	json_t *named = json_array();
	const char *name;
	json_t *unused;
	int rc;

	json_object_foreach(in->since, name, unused)
	{
		(void)unused;
		json_array_append_new(named, json_string(name));
	}
	rc = check_patterns(c, "--watermark", named, entries, e);
	json_decref(named);
	return rc != 0 ||
		       check_patterns(c, "--full", in->whole, entries, e) != 0
		   ? -1
		   : check_patterns(c, "--exclude", in->exclude, entries, e);
}

/* Fills in tables and returns their number; -1: some cannot be copied, and a
 * sentence for each was printed. */
static int decide(
    const struct ingest *in, const json_t *entries, struct ingest_table *tables)
{
	int count = 0, bad = 0;
	json_t *entry;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)entries, i, entry)
	{
		struct ingest_table *t = &tables[count];
		char *why = NULL;
		struct err e;

		t->entry = entry;
		t->name = json_str(entry, "table", "");
		if (ingest_fits(in->exclude, t->name))
			continue;
		ingest_decide(in, t, &why);
		count++;
		if (why == NULL)
			continue;
		err_set(&e, ERR_PERMANENT, "ingest: table \"%s\": %s", t->name,
		    why);
		ctl_complain(&e);
		free(why);
		bad++;
	}
	return bad > 0 ? -1 : count;
}

/* Refuses a format or a path with which a table cannot be read since its last
 * run: files of one name would replace each other, and only the rows since the
 * last run would be left. */
static int check_since(struct ctl *c, const struct ingest *in,
    struct source *source, const struct ingest_table *tables, int count,
    struct err *e)
{
	struct source_horizon horizon = {.remark = NULL};
	const struct ingest_table *first = NULL;
	int rc;

	for (int i = 0; i < count && first == NULL; i++) {
		if (tables[i].since == NULL)
			continue;
		first = &tables[i];
		if (strcmp(in->format, "TABLE") == 0 &&
		    !json_is_array(json_object_get(first->entry, "key")))
			return err_set(e, ERR_PERMANENT,
			    "table \"%s\" has no primary key, by which changed "
			    "rows would be found in the target; use --full %s",
			    first->name, first->name);
	}
	if (first == NULL)
		return 0;
	if (strcmp(in->format, "TABLE") != 0 &&
	    strstr(in->to, "{request_id}") == NULL)
		return options_refuse(c, e,
		    "--to %s: table \"%s\" is read since its last run, so each "
		    "run needs a file of its own: add {request_id}",
		    in->to, first->name);
	/* The interval itself is checked when the row is submitted. */
	rc = source_horizon(source, in->overlap ? 1 : 0, &horizon, e);
	free(horizon.remark);
	if (rc != 0)
		err_wrap(
		    e, "table \"%s\" is read since its last run", first->name);
	return rc;
}

/* ---- the queue ---- */

static int apply(struct ctl *c, const json_t *plan, struct err *e)
{
	char *reports = json_dumps(json_object_get(plan, "reports"), 0);
	const char *params[] = {reports};
	char *done = connect_text(c, sql_ingest_apply, 1, params, e);

	free(reports);
	free(done);
	return done != NULL ? 0 : -1;
}

/* Compares with the queue, shows, and applies. */
static int settle(struct ctl *c, const struct ingest *in, json_t *rows,
    const struct ingest_table *tables, int count, struct err *e)
{
	char *text = json_dumps(rows, JSON_REAL_PRECISION(15));
	char *type = mem_printf("ingest %s", in->key);
	const char *params[] = {text, type};
	json_t *plan = NULL;
	int rc = -1;

	if (connect_queue(c, e) == 0)
		plan = connect_json(c, sql_ingest_plan, 2, params, e);
	if (plan != NULL && (in->dry_run || apply(c, plan, e) == 0)) {
		ingest_print(c, in, plan, tables, count);
		rc = 0;
	}
	json_decref(plan);
	free(type);
	free(text);
	return rc;
}

static int ingest(struct ctl *c, const struct ingest *in, struct source *source,
    struct err *e)
{
	json_t *entries = ingest_catalogue(in, source, e), *rows = NULL;
	struct ingest_table *tables;
	int count = -1, rc = -1;
	size_t room;

	if (entries == NULL)
		return -1;
	room = json_array_size(entries);
	tables = mem_zalloc(room * sizeof(*tables));
	if (check_names(c, in, entries, e) == 0)
		count = decide(in, entries, tables);
	if (count == 0)
		err_set(e, ERR_PERMANENT, "every table is left out");
	if (count > 0 && check_since(c, in, source, tables, count, e) == 0)
		rows = ingest_rows(in, source, tables, count, e);
	if (rows != NULL)
		rc = settle(c, in, rows, tables, count, e);
	for (size_t i = 0; i < room; i++)
		free(tables[i].how);
	free(tables);
	json_decref(rows);
	json_decref(entries);
	return rc;
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct ingest in = {.schema = "public",
	    .time_zone = "UTC",
	    .since = json_object(),
	    .whole = json_array(),
	    .exclude = json_array(),
	    .options = json_object(),
	    .notify = json_array()};
	struct source *source = NULL;
	int rc = -1;

	str_to_bytes(SMALL, &in.small);
	if (parse(c, &in, argc, argv, e) == 0)
		source = ingest_source(c, &in, e);
	if (json_array_size(in.notify) == 0) {
		json_decref(in.notify);
		in.notify = json_null();
	}
	if (source != NULL) {
		rc = ingest(c, &in, source, e);
		if (rc != 0 && e->text[0] != '\0' && c->on_error != CTL_USAGE)
			err_wrap(e, "ingest");
	}
	source_close(source);
	free(in.format);
	json_decref(in.since);
	json_decref(in.whole);
	json_decref(in.exclude);
	json_decref(in.options);
	json_decref(in.notify);
	return rc;
}

const struct command command_ingest = {
    .name = "ingest",
    .summary = "Copies all tables of a source again and again",
    .arguments = "SOURCE --to PATTERN --every CRON [OPTION...]",
    .details =
	"      --to PATTERN      path of a table's files, with its name as "
	"{table}\n"
	"      --every CRON      the schedule\n"
	"      --schema NAME     whose tables [public]\n"
	"      --together        one report of all tables, in one snapshot\n"
	"      --watermark TABLE=COLUMN  when a row changed last, where the\n"
	"                        catalogue does not show it; may be given many "
	"times\n"
	"      --full TABLE      copy all rows each time; a name or a pattern "
	"such as\n"
	"                        'log_*'; may be given many times\n"
	"      --exclude TABLE   leave it out; a name or a pattern; may be "
	"given many\n"
	"                        times\n"
	"      --small SIZE      copy all rows of tables up to this [" SMALL
	"]\n"
	"      --key PREFIX      of the keys of the reports [SOURCE]\n"
	"      --format FORMAT   of the files [by PATTERN's ending, or "
	"PARQUET]\n"
	"      --option N=VALUE  an output option; may be given many times\n"
	"      --time-zone ZONE  of the schedule, and of times without a zone "
	"[UTC]\n"
	"      --horizon-overlap TIME  for a source that cannot tell which\n"
	"                        transactions are open\n"
	"      --notify-failure URL  where to tell of failures; may be given "
	"many times\n"
	"      --dry-run         show what would be done\n",
    .run = run,
};
