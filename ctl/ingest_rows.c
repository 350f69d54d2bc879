/* SPDX-License-Identifier: MIT */
#include "ctl/ingest.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "ctl/lib/human.h"

/* The longest report_key, in bytes. */
#define KEY_MAX 63
/* The most bytes of a statement of this program. */
#define TEXT_MAX ((size_t)1 << 20)

bool ingest_fits(const json_t *patterns, const char *name)
{
	size_t i;
	json_t *p;

	json_array_foreach((json_t *)(uintptr_t)patterns, i, p)
	{
		if (fnmatch(json_string_value(p), name, 0) == 0)
			return true;
	}
	return false;
}

/* ---- how a table is read ---- */

/* Adds to `reasons` why a column does not surely tell what is new. Returns whether
 * it does. `trigger` is the one that decides what an UPDATE sets; NULL: none. */
static bool is_sound(
    const json_t *clock, const char *trigger, struct buf *reasons)
{
	const char *flaw = NULL;

	if (!json_bool(clock, "zone", false))
		flaw = "has no time zone";
	else if (!json_bool(clock, "not_null", false))
		flaw = "may be null";
	else if (!json_bool(clock, "now", false))
		flaw = "has no default now()";
	else if (json_str(clock, "index", NULL) == NULL)
		flaw = "leads no index";
	else if (json_bool(clock, "touched", false))
		return true;
	buf_printf(reasons, "%s\"%s\" ", reasons->len > 0 ? ", " : "",
	    json_str(clock, "column", ""));
	if (flaw != NULL)
		buf_str(reasons, flaw);
	else if (trigger == NULL)
		buf_str(reasons, "is set by no trigger at each UPDATE");
	else
		buf_printf(reasons,
		    "is not surely set to now() at each UPDATE by the "
		    "trigger \"%s\"",
		    trigger);
	return false;
}

static const json_t *clock_named(const json_t *entry, const char *column)
{
	size_t i;
	json_t *clock;

	json_array_foreach(json_object_get(entry, "clocks"), i, clock)
	{
		if (strcmp(json_str(clock, "column", ""), column) == 0)
			return clock;
	}
	return NULL;
}

/* Finds the first column that the catalogue shows to be set at each INSERT and
 * UPDATE. Otherwise adds to `reasons` why there is none. */
static const json_t *find_clock(const json_t *entry, struct buf *reasons)
{
	const char *trigger = json_str(entry, "trigger", NULL);
	size_t i;
	json_t *clock;

	json_array_foreach(json_object_get(entry, "clocks"), i, clock)
	{
		if (is_sound(clock, trigger, reasons))
			return clock;
	}
	if (reasons->len == 0)
		buf_str(reasons, "it has no column of times");
	return NULL;
}

static void read_since(
    struct ingest_table *t, const json_t *clock, const char *trigger)
{
	const char *index = json_str(clock, "index", NULL);

	t->since = json_str(clock, "column", NULL);
	t->zoned = json_bool(clock, "zone", false);
	if (trigger != NULL)
		t->how = mem_printf("since %s (index %s, trigger %s)", t->since,
		    index, trigger);
	else
		t->how = mem_printf("since %s (named%s%s)", t->since,
		    index ? ", index " : ", no index", index ? index : "");
}

static void take_named(struct ingest_table *t, const char *column, char **why)
{
	const json_t *clock = clock_named(t->entry, column);

	if (clock == NULL)
		*why = mem_printf(
		    "--watermark %s=%s: it has no column of this name and of a "
		    "type timestamptz or timestamp",
		    t->name, column);
	else if (!json_bool(clock, "not_null", false))
		*why = mem_printf("--watermark %s=%s: the column may be null, "
				  "and such rows would never be read; set it "
				  "not null, or use --full %s",
		    t->name, column, t->name);
	else
		read_since(t, clock, NULL);
}

static void decide_by_catalogue(
    const struct ingest *in, struct ingest_table *t, char **why)
{
	int64_t bytes = json_int(t->entry, "bytes", 0);
	char size[HUMAN_SIZE];
	const json_t *clock;
	struct buf reasons;

	buf_init(&reasons, TEXT_MAX);
	clock = find_clock(t->entry, &reasons);
	human_bytes(size, bytes);
	if (clock != NULL)
		read_since(t, clock, json_str(t->entry, "trigger", ""));
	else if (bytes <= in->small)
		t->how = mem_printf("whole (%s)", size);
	else
		*why = mem_printf(
		    "it has %s, and nothing surely tells which rows are new: "
		    "%s; name a column with --watermark %s=COLUMN, or use "
		    "--full %s or --exclude %s",
		    size, reasons.data, t->name, t->name, t->name);
	buf_free(&reasons);
}

void ingest_decide(const struct ingest *in, struct ingest_table *t, char **why)
{
	const char *refused = json_str(t->entry, "refused", NULL);
	const char *named = json_str(in->since, t->name, NULL);
	char size[HUMAN_SIZE];

	if (refused != NULL) {
		*why = mem_printf("%s, or use --exclude %s", refused, t->name);
	} else if (t->name[strcspn(t->name, "/{}")] != '\0') {
		*why = mem_printf(
		    "its name cannot be a part of a path; use --exclude and "
		    "submit a report of its own");
	} else if (named != NULL) {
		take_named(t, named, why);
	} else if (ingest_fits(in->whole, t->name)) {
		human_bytes(size, json_int(t->entry, "bytes", 0));
		t->how = mem_printf("whole (%s, named)", size);
	} else {
		decide_by_catalogue(in, t, why);
	}
}

/* ---- rows of report_config ---- */

/* Characters that a key cannot have become `_`; a key that was changed by this
 * ends in a number of the name, so that no two become alike. */
char *ingest_key(const struct ingest *in, const char *table)
{
	char *whole =
	    table ? mem_printf("%s_%s", in->key, table) : mem_strdup(in->key);
	char *key = mem_alloc(strlen(whole) + 16);
	uint32_t hash = hash32(HASH32_BEGIN, whole, strlen(whole));
	size_t n = 0;

	for (const char *s = whole; *s != '\0'; s++) {
		bool plain = isalnum((unsigned char)*s) && !(*s & 0x80);

		if (plain || (n > 0 && key[n - 1] != '_'))
			key[n++] = plain ? *s : '_';
	}
	key[n] = '\0';
	if (strcmp(key, whole) != 0 || n > KEY_MAX) {
		n = n > KEY_MAX - 9 ? KEY_MAX - 9 : n;
		n -= n > 0 && key[n - 1] == '_';
		snprintf(key + n, 16, "_%08x", hash);
	}
	free(whole);
	return key;
}

/* Collects SQL; the first failure is kept. */
struct text {
	struct source *source;
	struct buf sql;
	struct err *e;
	bool failed;
};

static void add_quoted(struct text *t, const char *name, bool identifier)
{
	char *quoted =
	    t->failed ? NULL : source_quote(t->source, name, identifier, t->e);

	t->failed = quoted == NULL;
	if (quoted != NULL)
		buf_str(&t->sql, quoted);
	free(quoted);
}

static void add_relation(
    struct text *t, const struct ingest *in, const char *table)
{
	add_quoted(t, in->schema, true);
	buf_str(&t->sql, ".");
	add_quoted(t, table, true);
}

/* Returns the text that is complete, which the caller frees, and begins the next
 * one; NULL after a failure. */
static char *take_text(struct text *t)
{
	char *text = NULL;

	if (!t->failed && t->sql.overflow) {
		err_set(t->e, ERR_PERMANENT,
		    "the SQL for all tables is longer than %zu bytes; leave "
		    "--together out, or some tables with --exclude",
		    TEXT_MAX);
		t->failed = true;
	} else if (!t->failed) {
		text = mem_strdup(t->sql.data);
	}
	buf_free(&t->sql);
	buf_init(&t->sql, TEXT_MAX);
	return text;
}

/* A column of times without a zone holds those of the report's zone, which the
 * session has. */
static void add_statement(
    struct text *t, const struct ingest *in, const struct ingest_table *table)
{
	const char *cast =
	    table->zoned ? "::timestamptz" : "::timestamptz::timestamp";
	size_t i;
	json_t *column;

	buf_str(&t->sql, "select ");
	json_array_foreach(json_object_get(table->entry, "columns"), i, column)
	{
		buf_str(&t->sql, i > 0 ? ", " : "");
		add_quoted(
		    t, json_string_value(json_array_get(column, 0)), true);
	}
	buf_str(&t->sql, "\nfrom ");
	if (json_bool(table->entry, "only", false))
		buf_str(&t->sql, "only ");
	add_relation(t, in, table->name);
	if (table->since == NULL)
		return;
	buf_str(&t->sql, "\nwhere ");
	add_quoted(t, table->since, true);
	buf_printf(&t->sql,
	    " >= coalesce(:'last__horizon', '-infinity')%s\n\tand ", cast);
	add_quoted(t, table->since, true);
	buf_printf(&t->sql, " < :'horizon'%s", cast);
}

/* Writes the check that a table has the copied columns, with their types: a
 * column that is gone or has another type stops the copy before it begins. */
static void add_schema_check(json_t *checks, struct text *t,
    const struct ingest *in, const struct ingest_table *table)
{
	json_t *columns = json_object(), *column;
	char *relation;
	size_t i;

	json_array_foreach(json_object_get(table->entry, "columns"), i, column)
	{
		json_object_set(columns,
		    json_string_value(json_array_get(column, 0)),
		    json_array_get(column, 1));
	}
	add_relation(t, in, table->name);
	relation = take_text(t);
	json_array_append_new(
	    checks, json_pack("{ss ss* so}", "name", table->name, "on",
			relation, "schema", columns));
	free(relation);
}

/* Writes the check that names the columns which the tables have got since. */
static void add_drift_check(json_t *checks, struct text *t,
    const struct ingest *in, const struct ingest_table *tables, int count)
{
	char *sql;

	buf_str(&t->sql,
	    "select table_name, column_name from information_schema.columns "
	    "where table_schema = ");
	add_quoted(t, in->schema, false);
	buf_str(&t->sql, " and (false");
	for (int i = 0; i < count; i++) {
		size_t k;
		json_t *column;

		buf_str(&t->sql, "\n\tor table_name = ");
		add_quoted(t, tables[i].name, false);
		buf_str(&t->sql, " and column_name not in (");
		json_array_foreach(
		    json_object_get(tables[i].entry, "columns"), k, column)
		{
			buf_str(&t->sql, k > 0 ? ", " : "");
			add_quoted(t,
			    json_string_value(json_array_get(column, 0)),
			    false);
		}
		buf_str(&t->sql, ")");
	}
	buf_str(&t->sql, ")");
	sql = take_text(t);
	json_array_append_new(checks,
	    json_pack("{ss ss* ss si}", "name", "columns that are not copied",
		"sql", sql, "severity", "warn", "sample", 20));
	free(sql);
}

static bool into_table(const struct ingest *in)
{
	return strcmp(in->format, "TABLE") == 0;
}

/* output_path: the pattern, with the table's name or {section} in it. */
static char *path_of(struct text *t, const struct ingest *in, const char *table)
{
	static const char mark[] = "{table}";
	const char *s = in->to, *at;

	for (; (at = strstr(s, mark)) != NULL; s = at + strlen(mark)) {
		buf_add(&t->sql, s, (size_t)(at - s));
		if (table == NULL)
			buf_str(&t->sql, "{section}");
		else if (into_table(in))
			add_quoted(t, table, true);
		else
			for (const char *c = table; *c != '\0'; c++)
				buf_printf(
				    &t->sql, "%s%c", *c == '%' ? "%" : "", *c);
	}
	buf_str(&t->sql, s);
	return take_text(t);
}

/* Returns the option "table", which says how a target takes the rows: those
 * that were read before are replaced, by key or all of them. */
static json_t *target_options(
    const struct ingest *in, const struct ingest_table *table)
{
	json_t *options = json_deep_copy(in->options);
	json_t *how = json_pack("{sb ss ss}", "create", true, "drift", "add",
	    "mode", table->since ? "upsert" : "replace");

	if (json_is_array(json_object_get(table->entry, "key")))
		json_object_set(
		    how, "key", json_object_get(table->entry, "key"));
	json_object_update_missing(how, json_object_get(options, "table"));
	json_object_set_new(options, "table", how);
	return options;
}

static json_t *options_of(
    const struct ingest *in, const struct ingest_table *tables, int count)
{
	json_t *options, *names;

	if (into_table(in))
		return target_options(in, tables);
	options = json_deep_copy(in->options);
	if (!in->together)
		return options;
	names = json_array();
	for (int i = 0; i < count; i++)
		json_array_append_new(names, json_string(tables[i].name));
	json_object_set_new(options, "sections", names);
	return options;
}

/* {"since": "{TABLE: COLUMN}"}: what the next run of this command compares. */
static json_t *parameters_of(const struct ingest_table *tables, int count)
{
	json_t *since = json_object(), *parameters = json_object();
	char *text;

	for (int i = 0; i < count; i++) {
		if (tables[i].since != NULL)
			json_object_set_new(since, tables[i].name,
			    json_string(tables[i].since));
	}
	text = json_dumps(since, JSON_SORT_KEYS);
	if (json_object_size(since) > 0)
		json_object_set_new(parameters, "since", json_string(text));
	free(text);
	json_decref(since);
	return parameters;
}

/* Returns one report of these tables. */
static json_t *row(const struct ingest *in, struct source *source,
    const struct ingest_table *tables, int count, struct err *e)
{
	struct text t = {.source = source, .e = e};
	const char *table = in->together ? NULL : tables->name;
	char *key = ingest_key(in, table), *sql, *path, *type, *name;
	json_t *checks = json_array(), *made;

	buf_init(&t.sql, TEXT_MAX);
	for (int i = 0; i < count; i++) {
		add_statement(&t, in, &tables[i]);
		buf_str(&t.sql, i + 1 < count ? ";\n" : "");
	}
	sql = take_text(&t);
	path = path_of(&t, in, table);
	for (int i = 0; i < count; i++)
		add_schema_check(checks, &t, in, &tables[i]);
	add_drift_check(checks, &t, in, tables, count);
	type = mem_printf("ingest %s", in->key);
	name =
	    table ? mem_printf("%s %s", in->key, table) : mem_strdup(in->key);
	made = json_pack("{ss ss ss ss ss ss ss* so ss ss* so ss? so sO}",
	    "report_key", key, "report_name", name, "report_type", type,
	    "source", in->source, "schedule_expression", in->every, "time_zone",
	    in->time_zone, "export_sql", sql, "parameters",
	    parameters_of(tables, count), "output_format", in->format,
	    "output_path", path, "output_options",
	    options_of(in, tables, count), "horizon_overlap", in->overlap,
	    "checks", checks, "notify_on_failure", in->notify);
	buf_free(&t.sql);
	free(key);
	free(sql);
	free(path);
	free(type);
	free(name);
	if (!t.failed)
		return made;
	json_decref(made);
	return NULL;
}

json_t *ingest_rows(const struct ingest *in, struct source *source,
    const struct ingest_table *tables, int count, struct err *e)
{
	json_t *rows = json_array();
	int step = in->together ? count : 1;

	for (int i = 0; i < count; i += step) {
		json_t *one = row(in, source, tables + i, step, e);

		if (one == NULL) {
			json_decref(rows);
			return NULL;
		}
		json_array_append_new(rows, one);
	}
	return rows;
}
