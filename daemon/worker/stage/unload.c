/* SPDX-License-Identifier: MIT */
#include "worker/stage/unload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "place/place.h"

/* Bytes of a manifest: some 150 for each object, some 60 for each column. */
#define MANIFEST_MAX ((size_t)4 << 20)
/* ms for removing the objects of a run that fails. */
#define DROP_MS 5000

bool unload_asked(const struct job *job)
{
	for (int i = 0; i < job->plan.count; i++) {
		if (json_bool(job->plan.outputs[i].options, "unload", false))
			return true;
	}
	return false;
}

/* Returns the terms of the unload, all except `to`. */
static struct source_unload terms_of(const struct job *job)
{
	const struct export_output *o = &job->plan.outputs[0];
	const struct settings *s = services_settings(job->lent.services);

	return (struct source_unload){.sql = job->plan.statements[0],
	    .format = o->type->name,
	    .options = o->options,
	    .region = s->s3_region,
	    .kms_key = s->s3_kms_key};
}

int unload_check(const struct job *job, struct err *e)
{
	const struct export_plan *plan = &job->plan;
	const struct source_unload u = terms_of(job);

	if (plan->count != 1 || plan->statement_count != 1)
		return err_set(e, ERR_PERMANENT,
		    "unload: takes one statement and one format, CSV, JSONL or "
		    "PARQUET");
	if (source_unload_check(job->lent.source, &u, e) != 0)
		return -1;
	if (source_unload_to(job->lent.source) == NULL &&
	    !place_is(plan->outputs[0].place, "s3"))
		return err_set(e, ERR_PERMANENT,
		    "unload: the objects have no place in S3; set unload_to in "
		    "[source.%s] of the settings, or an output_path in S3",
		    job->asked.source_name);
	return 0;
}

/* Returns the prefix for the objects, beside the manifest or where the settings
 * say. It ends in a slash; the caller frees it. */
static char *prefix_of(const struct job *job)
{
	const char *place = job->plan.outputs[0].place;
	const char *to = source_unload_to(job->lent.source);
	size_t len;

	if (place_is(place, "s3"))
		return mem_printf(
		    "%s.parts/%" PRId64 "/", place, job->asked.run_id);
	len = strlen(to);
	return mem_printf("%s%s%" PRId64 "/%" PRId64 "/", to,
	    to[len - 1] == '/' ? "" : "/", job->asked.config_id,
	    job->asked.run_id);
}

/* ---- the manifest against the objects ---- */

struct audit {
	const char *prefix; /* s3://bucket/..., with a slash at its end */
	json_t *sizes;      /* bytes of each object in the manifest, by URL */
	int64_t found;
};

/* Compares an object in S3 with the manifest, which names each with its size;
 * the manifest itself is not in it. */
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

	if (rc == 0 && (rows != job->outcome.rows ||
			   json_int(meta, "record_count", rows) != rows ||
			   json_int(meta, "content_length", bytes) != bytes))
		rc = err_set(e, ERR_TRANSIENT,
		    "unload: the manifest has %" PRId64 " rows in %" PRId64
		    " bytes, Redshift says %" PRId64 " rows, the manifest's "
		    "sums are %" PRId64 " and %" PRId64,
		    rows, bytes, job->outcome.rows,
		    json_int(meta, "record_count", -1),
		    json_int(meta, "content_length", -1));
	if (rc == 0)
		rc = place_list(&job->lent.places, a.prefix, meet, &a, e);
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
	char *text =
	    place_read_all(&job->lent.places, place, MANIFEST_MAX, &len, e);
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
	struct source_unload u = terms_of(job);

	/* The statement would be of no use if the daemon could not see the
	 * objects. */
	if (services_aws(job->lent.services, "s3", e) == NULL)
		return -1;
	u.to = job->unloaded = prefix_of(job);
	job->outcome.rows = 0;
	if (source_unload(job->lent.source, &u, &job->outcome.rows, e) != 0)
		return -1;
	job->plan.outputs[0].rows = job->outcome.rows;
	if (job->outcome.rows == 0 && job->plan.skip_if_empty)
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
	place_remove(&job->lent.places, job->unloaded,
	    clock_boot_ms() + DROP_MS, &unused);
	unload_keep(job);
}
