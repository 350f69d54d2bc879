/* SPDX-License-Identifier: MIT */
#include "worker/stage/unload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "place/place.h"
#include "worker/stage/manifest.h"
#include "worker/unloads.h"

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

/* Returns the terms of the unload, except those about its place. */
static struct source_unload terms_of(const struct job *job)
{
	const struct export_output *o = &job->plan.outputs[0];

	return (struct source_unload){.sql = job->plan.statements[0],
	    .format = o->type->name,
	    .options = o->options};
}

/* Says whether the output lies in a place that the server can write to. */
static bool is_beside(const struct job *job)
{
	return place_is(
	    job->plan.outputs[0].place, source_unload_place(job->lent.source));
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
	if (source_unload_to(job->lent.source) == NULL && !is_beside(job))
		return err_set(e, ERR_PERMANENT,
		    "unload: the objects have no place; set unload_to in "
		    "[source.%s] of the settings, or an output_path in %s",
		    job->asked.source_name,
		    source_unload_place(job->lent.source));
	return 0;
}

/* Returns the prefix for the objects, beside the manifest or where the settings
 * say. It ends in a slash; the caller frees it. */
static char *prefix_of(const struct job *job)
{
	const char *place = job->plan.outputs[0].place;
	const char *to = source_unload_to(job->lent.source);
	size_t len;

	if (is_beside(job))
		return mem_printf(
		    "%s.parts/%" PRId64 "/", place, job->asked.run_id);
	len = strlen(to);
	return mem_printf("%s%s%" PRId64 "/%" PRId64 "/", to,
	    to[len - 1] == '/' ? "" : "/", job->asked.config_id,
	    job->asked.run_id);
}

/* ---- the manifest against the objects ---- */

struct audit {
	const char
	    *prefix;   /* address of the objects, with a slash at its end */
	json_t *sizes; /* bytes of each object in the manifest, by URL */
	int64_t found, others; /* objects that are in the manifest, or not */
};

/* Compares an object with the manifest, which names each with its size;
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
	a->others += said == NULL;
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

/* Compares the manifest with the objects. whole: the manifest must have all
 * objects; otherwise the server's own manifest lies there, too. *bytes receives
 * the sum of their sizes. */
static int audit(struct job *job, const json_t *manifest, bool whole,
    int64_t *bytes, struct err *e)
{
	struct audit a = {.prefix = job->unloaded, .sizes = json_object()};
	const json_t *meta = json_object_get(manifest, "meta");
	int64_t rows;
	int rc = read_entries(manifest, &a, bytes, &rows, e);

	if (rc == 0 && (rows != job->outcome.rows ||
			   json_int(meta, "record_count", rows) != rows ||
			   json_int(meta, "content_length", *bytes) != *bytes))
		rc = err_set(e, ERR_TRANSIENT,
		    "unload: the manifest has %" PRId64 " rows in %" PRId64
		    " bytes, the source says %" PRId64 " rows, the manifest's "
		    "sums are %" PRId64 " and %" PRId64,
		    rows, *bytes, job->outcome.rows,
		    json_int(meta, "record_count", -1),
		    json_int(meta, "content_length", -1));
	if (rc == 0)
		rc = place_list(&job->lent.places, a.prefix, meet, &a, e);
	if (rc == 0 && whole && a.others > 0)
		rc = err_set(e, ERR_TRANSIENT,
		    "unload: %" PRId64 " objects below %s are not among those "
		    "that the source tells of",
		    a.others, a.prefix);
	if (rc == 0 && a.found != (int64_t)json_object_size(a.sizes))
		rc = err_set(e, ERR_TRANSIENT,
		    "unload: %" PRId64 " of the %zu objects in the manifest "
		    "are there",
		    a.found, json_object_size(a.sizes));
	json_decref(a.sizes);
	return rc;
}

/* Returns the text of the manifest, which the caller frees: the server's own, or one
 * made of the objects that it tells of. */
static char *manifest_text(
    struct job *job, const struct source_unloaded *done, struct err *e)
{
	char *place = mem_printf("%smanifest", job->unloaded);
	json_t *made;
	char *text;
	size_t len;

	if (done->manifest != NULL) {
		text = json_dumps(done->manifest, JSON_INDENT(2));
	} else if (done->files == NULL) {
		text = place_read_all(
		    &job->lent.places, place, MANIFEST_MAX, &len, e);
	} else {
		made = manifest_make(&job->lent.places, job->lent.watch,
		    job->unloaded, done->files, e);
		text = made ? json_dumps(made, JSON_INDENT(2)) : NULL;
		job->outcome.rows = manifest_rows(made);
		json_decref(made);
	}
	free(place);
	return text;
}

static int write_manifest(struct job *job, const char *text,
    const json_t *manifest, int64_t bytes, struct err *e)
{
	struct export_output *o = &job->plan.outputs[0];

	o->remark =
	    mem_printf("unloaded %" PRId64 " bytes into %zu objects below %s",
		bytes, json_array_size(json_object_get(manifest, "entries")),
		job->unloaded);
	return sink_write(o->sink, text, strlen(text), e);
}

/* Compares what the server has told with the objects that are there. skip: an
 * unload without rows has no output. */
static int take_manifest(struct job *job, const struct source_unloaded *done,
    bool skip, struct err *e)
{
	bool whole = done->files != NULL || done->manifest != NULL;
	char *text = manifest_text(job, done, e);
	json_t *manifest = NULL;
	int64_t bytes;
	int rc = -1;

	if (text != NULL) {
		manifest = json_parse_object(text, strlen(text), e);
		if (manifest == NULL)
			err_wrap(e, "%smanifest", job->unloaded);
		else
			rc = audit(job, manifest, whole, &bytes, e);
	}
	if (rc == 0 && !skip)
		rc = write_manifest(job, text, manifest, bytes, e);
	json_decref(manifest);
	free(text);
	job->plan.outputs[0].rows = job->outcome.rows;
	return rc;
}

int stage_unload(struct job *job, struct err *e)
{
	struct source_unload u = terms_of(job);
	struct source_unloaded done;
	struct place_access access;
	char *to = prefix_of(job);
	bool skip;
	int rc;

	/* The statement would be of no use if the daemon could not see the
	 * objects. */
	if (place_access(&job->lent.places, to, &access, e) != 0) {
		free(to);
		return -1;
	}
	u.to = job->unloaded = to;
	u.region = access.region;
	u.kms_key = access.kms_key;
	job->outcome.rows = 0;
	unloads_begin(job, to);
	if (source_unload(job->lent.source, &u, &done, e) != 0)
		return -1;
	job->outcome.rows = done.files ? 0 : done.rows;
	skip = job->plan.skip_if_empty && job->outcome.rows == 0 &&
	       json_array_size(done.files) == 0;
	/* A server that writes its own manifest writes none without rows. */
	rc = skip && done.files == NULL && done.manifest == NULL
		 ? 0
		 : take_manifest(job, &done, skip, e);
	json_decref(done.files);
	json_decref(done.manifest);
	return rc;
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
	/* Objects that cannot be removed now are left to a sweep. */
	if (place_remove(&job->lent.places, job->unloaded,
		clock_boot_ms() + DROP_MS, &unused) == 0)
		unloads_over(job);
	else
		unloads_begin(job, job->unloaded);
	unload_keep(job);
}
