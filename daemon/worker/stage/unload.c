/* SPDX-License-Identifier: MIT */
#include "worker/stage/unload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "place/place.h"

#define SQL_MAX (8u << 20)
/* An object has some 150 bytes of it, a column some 60. */
#define MANIFEST_MAX ((size_t)4 << 20)
/* For the removal of what comes to nothing. */
#define DROP_MS 5000

static const struct {
	const char *name, *clause;
	const char *options; /* what UNLOAD can do of ours */
} formats[] = {
    {"CSV", "format as csv", "delimiter header null compress"},
    {"JSONL", "format as json", "compress"},
    {"PARQUET", "format as parquet", ""},
};
#define FORMATS (sizeof(formats) / sizeof(*formats))

bool unload_asked(const struct job *job)
{
	for (int i = 0; i < job->plan.count; i++) {
		if (json_bool(job->plan.outputs[i].options, "unload", false))
			return true;
	}
	return false;
}

static size_t format_of(const struct export_output *o)
{
	size_t i = 0;

	while (i < FORMATS && strcmp(formats[i].name, o->type->name) != 0)
		i++;
	return i;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *s = words; (s = strstr(s, word)) != NULL; s += len) {
		if ((s == words || s[-1] == ' ') &&
		    (s[len] == ' ' || s[len] == '\0'))
			return true;
	}
	return false;
}

static int check_options(const struct export_output *o, struct err *e)
{
	size_t format = format_of(o);
	const char *known, *key;
	json_t *value;

	if (format == FORMATS)
		return err_set(e, ERR_PERMANENT,
		    "unload: Redshift cannot write %s; it can CSV, JSONL (its "
		    "JSON is one object a line) and PARQUET",
		    o->type->name);
	known = formats[format].options;
	json_object_foreach(o->options, key, value)
	{
		if (!has_word("unload skip_if_empty s3", key) &&
		    !has_word(known, key))
			return err_set(e, ERR_PERMANENT,
			    "unload: Redshift cannot do \"%s\"; beside %s "
			    "there are skip_if_empty and s3",
			    key, *known ? known : "unload");
	}
	return 0;
}

int unload_check(const struct job *job, struct err *e)
{
	const struct export_plan *plan = &job->plan;

	if (strcmp(job->login.type, "redshift") != 0)
		return err_set(e, ERR_PERMANENT,
		    "unload: source \"%s\" is %s; only Redshift can unload. "
		    "Leave the option out",
		    job->source_name, job->login.type);
	if (plan->count != 1 || plan->statement_count != 1)
		return err_set(e, ERR_PERMANENT,
		    "unload: takes one statement and one format, CSV, JSONL or "
		    "PARQUET");
	if (job->unload_role == NULL)
		return err_set(e, ERR_PERMANENT,
		    "unload: [source.%s] unload_role is missing: the role that "
		    "Redshift writes into S3 with",
		    job->source_name);
	if (job->unload_to == NULL && !place_is(plan->outputs[0].place, "s3"))
		return err_set(e, ERR_PERMANENT,
		    "unload: [source.%s] unload_to is missing, and output_path "
		    "is not in S3: nobody says where to",
		    job->source_name);
	return check_options(&plan->outputs[0], e);
}

/* Beside the manifest, or where the settings say; ends in a slash. */
static char *prefix_of(const struct job *job)
{
	const char *place = job->plan.outputs[0].place, *to = job->unload_to;
	size_t len;

	if (place_is(place, "s3"))
		return mem_printf("%s.parts/%" PRId64 "/", place, job->run_id);
	len = strlen(to);
	return mem_printf("%s%s%" PRId64 "/%" PRId64 "/", to,
	    to[len - 1] == '/' ? "" : "/", job->config_id, job->run_id);
}

static int add_literal(struct job *job, struct buf *sql, const char *before,
    const char *text, struct err *e)
{
	char *literal = source_quote(job->source, text, false, e);

	if (literal == NULL)
		return -1;
	buf_printf(sql, " %s ", before);
	buf_str(sql, literal);
	free(literal);
	return 0;
}

/* "default" is the cluster's own role. */
static int add_role(struct job *job, struct buf *sql, struct err *e)
{
	if (strcmp(job->unload_role, "default") != 0)
		return add_literal(job, sql, "iam_role", job->unload_role, e);
	buf_str(sql, " iam_role default");
	return 0;
}

static int add_format(struct job *job, struct buf *sql, struct err *e)
{
	const struct export_output *o = &job->plan.outputs[0];
	const char *delimiter = json_str(o->options, "delimiter", NULL);
	const char *null = json_str(o->options, "null", NULL);

	buf_printf(sql, " %s", formats[format_of(o)].clause);
	if (strcmp(o->type->name, "CSV") == 0 &&
	    json_bool(o->options, "header", true))
		buf_str(sql, " header");
	if ((delimiter != NULL &&
		add_literal(job, sql, "delimiter as", delimiter, e) != 0) ||
	    (null != NULL && add_literal(job, sql, "null as", null, e) != 0))
		return -1;
	buf_printf(sql, " %s", json_str(o->options, "compress", ""));
	return 0;
}

/* As objects of ours are kept. */
static int add_keeping(struct job *job, struct buf *sql, struct err *e)
{
	const struct settings *s = services_settings(job->services);

	if (s->s3_region != NULL &&
	    add_literal(job, sql, "region", s->s3_region, e) != 0)
		return -1;
	if (s->s3_kms_key != NULL &&
	    add_literal(job, sql, "kms_key_id", s->s3_kms_key, e) != 0)
		return -1;
	if (s->s3_kms_key != NULL)
		buf_str(sql, " encrypted");
	return 0;
}

static int run_unload(struct job *job, struct err *e)
{
	struct buf sql;
	int rc = -1;

	buf_init(&sql, SQL_MAX);
	buf_str(&sql, "unload (");
	if (add_literal(job, &sql, "", job->plan.statements[0], e) == 0) {
		buf_str(&sql, ")");
		if (add_literal(job, &sql, "to", job->unloaded, e) == 0 &&
		    add_role(job, &sql, e) == 0 &&
		    add_keeping(job, &sql, e) == 0 &&
		    add_format(job, &sql, e) == 0)
			rc = 0;
		buf_str(&sql, " manifest verbose");
	}
	if (rc == 0 && sql.overflow)
		rc = err_set(e, ERR_PERMANENT, "the statement is too long");
	if (rc == 0)
		rc = source_run_script(job->source, sql.data, e);
	buf_free(&sql);
	return rc;
}

/* How many rows the UNLOAD of this session had. */
static int count_rows(struct job *job, int64_t *rows, struct err *e)
{
	struct schema schema;
	struct batch batch;
	int rc = source_query(
	    job->source, "select pg_last_unload_count() as rows", &schema, e);

	if (rc != 0)
		return -1;
	*rows = -1;
	while ((rc = source_next(job->source, &batch, e)) == 1) {
		if (batch.values[0].len > 0)
			str_to_i64(batch.values[0].data, rows);
	}
	schema_free(&schema);
	if (rc == 0)
		source_query_end(job->source);
	return rc == 0 && *rows < 0
		   ? err_set(e, ERR_TRANSIENT,
			 "Redshift does not say how many rows it has unloaded")
		   : rc;
}

/* ---- the manifest against the objects ---- */

struct audit {
	const char *prefix; /* s3://bucket/... */
	json_t *sizes;      /* by URL, of what the manifest names */
	int64_t found;
};

/* Each object is named, with this size; the manifest itself is not. */
static int meet(void *arg, const char *url, int64_t size, struct err *e)
{
	struct audit *a = arg;
	const json_t *said = json_object_get(a->sizes, url);
	int rc = 0;

	if (said != NULL && json_integer_value(said) != size)
		rc = err_set(e, ERR_TRANSIENT,
		    "unload: %s has %" PRId64 " bytes, its manifest says "
		    "%" JSON_INTEGER_FORMAT,
		    url, size, json_integer_value(said));
	a->found += said != NULL;
	return rc;
}

static int read_entries(const json_t *manifest, struct audit *a, int64_t *bytes,
    int64_t *rows, struct err *e)
{
	const json_t *entries = json_object_get(manifest, "entries"), *entry;
	size_t i;

	*bytes = *rows = 0;
	json_array_foreach(entries, i, entry)
	{
		const char *url = json_str(entry, "url", "");
		const json_t *meta = json_object_get(entry, "meta");
		int64_t size = json_int(meta, "content_length", -1);

		if (size < 0 || strncmp(url, a->prefix, strlen(a->prefix)) != 0)
			return err_set(e, ERR_TRANSIENT,
			    "unload: the manifest's entry \"%s\" is not below "
			    "%s or has no content_length",
			    url, a->prefix);
		json_object_set_new(a->sizes, url, json_integer(size));
		*bytes += size;
		*rows += json_int(meta, "record_count", 0);
	}
	return 0;
}

static int audit(struct job *job, const json_t *manifest, struct err *e)
{
	struct audit a = {.prefix = job->unloaded, .sizes = json_object()};
	const json_t *meta = json_object_get(manifest, "meta");
	int64_t bytes, rows;
	int rc = read_entries(manifest, &a, &bytes, &rows, e);

	if (rc == 0 && (rows != job->rows ||
			   json_int(meta, "record_count", rows) != rows ||
			   json_int(meta, "content_length", bytes) != bytes))
		rc = err_set(e, ERR_TRANSIENT,
		    "unload: the manifest has %" PRId64 " rows in %" PRId64
		    " bytes, Redshift says %" PRId64 " rows, the manifest's "
		    "sums are %" PRId64 " and %" PRId64,
		    rows, bytes, job->rows, json_int(meta, "record_count", -1),
		    json_int(meta, "content_length", -1));
	if (rc == 0)
		rc = place_list(&job->places, a.prefix, meet, &a, e);
	if (rc == 0 && a.found != (int64_t)json_object_size(a.sizes))
		rc = err_set(e, ERR_TRANSIENT,
		    "unload: %" PRId64 " of the %zu objects in the manifest "
		    "are in S3",
		    a.found, json_object_size(a.sizes));
	if (rc == 0)
		job->plan.outputs[0].remark =
		    mem_printf("unloaded %" PRId64 " bytes into %zu objects "
			       "below %s",
			bytes, json_object_size(a.sizes), job->unloaded);
	json_decref(a.sizes);
	return rc;
}

static int take_manifest(struct job *job, struct err *e)
{
	char *place = mem_printf("%smanifest", job->unloaded);
	json_t *manifest = NULL;
	size_t len;
	char *text = place_read_all(&job->places, place, MANIFEST_MAX, &len, e);
	int rc = -1;

	if (text != NULL) {
		manifest = json_parse_object(text, len, e);
		if (manifest == NULL)
			err_wrap(e, "%s", place);
		else if (audit(job, manifest, e) == 0)
			rc =
			    sink_write(job->plan.outputs[0].sink, text, len, e);
	}
	json_decref(manifest);
	free(text);
	free(place);
	return rc;
}

int stage_unload(struct job *job, struct err *e)
{
	/* The statement is for nothing where the objects cannot be seen. */
	if (services_aws(job->services, "s3", e) == NULL)
		return -1;
	job->unloaded = prefix_of(job);
	job->rows = 0;
	if (run_unload(job, e) != 0 || count_rows(job, &job->rows, e) != 0)
		return -1;
	job->plan.outputs[0].rows = job->rows;
	if (job->rows == 0 && job->plan.skip_if_empty)
		return 0;
	return take_manifest(job, e);
}

void unload_keep(struct job *job)
{
	free(job->unloaded);
	job->unloaded = NULL;
}

void unload_drop(struct job *job)
{
	struct err unused;

	if (job->unloaded == NULL)
		return;
	place_remove(
	    &job->places, job->unloaded, clock_boot_ms() + DROP_MS, &unused);
	unload_keep(job);
}
