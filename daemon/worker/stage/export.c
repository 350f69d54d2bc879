/* SPDX-License-Identifier: MIT */
#include "worker/stage/export.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "export/export.h"
#include "place/file.h"
#include "place/s3/s3.h"
#include "place/template.h"
#include "sink/digest.h"
#include "worker/stage/unload.h"

static int64_t all_bytes(const struct export_plan *plan)
{
	int64_t bytes = 0;

	for (int i = 0; i < plan->count; i++) {
		if (plan->outputs[i].digest != NULL)
			bytes += (int64_t)digest_bytes(plan->outputs[i].digest);
	}
	return bytes;
}

/* The source may be slower than S3 waits for the rest of a part. */
static int keep_moving(const struct export_plan *plan, struct err *e)
{
	for (int i = 0; i < plan->count; i++) {
		if (plan->outputs[i].sink != NULL &&
		    sink_step(plan->outputs[i].sink, e) != 0)
			return -1;
	}
	return 0;
}

/* Before all of it is on the disk, or in the bucket. */
static int check_size(struct job *job, struct err *e)
{
	int64_t most = services_settings(job->services)->max_output;

	job->bytes = all_bytes(&job->plan);
	if (most == 0 || job->bytes <= most)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "the outputs are larger than the %" PRId64
	    " bytes of max_output in "
	    "the settings; select less, compress them, or have max_output "
	    "raised",
	    most);
}

/* The export's own watch: looks at the bytes on the way to the worker's. */
static int look_up(void *arg, struct err *e)
{
	struct job *job = arg;

	if (check_size(job, e) != 0)
		return -1;
	return keep_moving(&job->plan, e) != 0 ? -1
					       : watch_check(job->watch, e);
}

static json_t *find_upload(const json_t *all, const char *place, const char *id)
{
	json_t *one;
	size_t i;

	json_array_foreach(all, i, one)
	{
		const char *its = json_str(one, "id", NULL);

		if (strcmp(json_str(one, "place", ""), place) == 0 &&
		    (its == NULL) == (id == NULL) &&
		    (id == NULL || strcmp(its, id) == 0))
			return one;
	}
	return NULL;
}

static void forget_upload(json_t *all, const json_t *upload)
{
	for (size_t i = json_array_size(all); i-- > 0;) {
		if (json_array_get(all, i) == upload)
			json_array_remove(all, i);
	}
}

/* Keeps the record, which is known outside before S3 hears of an upload. */
static void on_upload(
    void *arg, enum s3_news news, const char *place, const char *id)
{
	struct job *job = arg;
	json_t *nameless;

	if (job->uploads == NULL)
		job->uploads = json_array();
	switch (news) {
	case S3_UPLOAD_BEGINS:
		json_array_append_new(
		    job->uploads, json_pack("{ss sI}", "place", place, "at",
				      (json_int_t)(clock_wall_us() / 1000000)));
		break;
	case S3_UPLOAD_MADE:
		nameless = find_upload(job->uploads, place, NULL);
		json_object_set_new(nameless, "id", json_string(id));
		break;
	case S3_UPLOAD_OVER:
		forget_upload(
		    job->uploads, find_upload(job->uploads, place, id));
		return; /* the result tells it */
	}
	job->announce(job->announce_arg);
}

/* Several outputs share the memory. */
static int parts_in_flight(const struct job *job, const struct s3_store *store)
{
	int n = store->parts_in_flight / export_side_by_side(&job->plan);

	return n > 1 ? n : 1;
}

static struct sink *open_object(
    struct job *job, struct export_output *o, struct err *e)
{
	const struct s3_store *store = services_s3(job->services, e);
	char run_id[32], report_id[32];

	if (store == NULL)
		return NULL;
	snprintf(run_id, sizeof(run_id), "%" PRId64, job->run_id);
	snprintf(report_id, sizeof(report_id), "%" PRId64, job->config_id);
	return s3_open(
	    &(struct s3_options){.store = store,
		.place = o->place,
		.about = {.options = json_object_get(o->options, "s3"),
		    .media_type = export_media_type(o),
		    .run_id = run_id,
		    .report = job->report_name,
		    .report_id = report_id,
		    .scheduled_for = job->scheduled_text},
		.parts_in_flight = parts_in_flight(job, store),
		.held = &job->held_bytes,
		.told = on_upload,
		.arg = job},
	    e);
}

static int open_output(struct job *job, struct export_output *o, struct err *e)
{
	struct file_options file = {.root = job->output_root,
	    .path = o->place,
	    .mode = (mode_t)job->file_mode,
	    .no_sync = job->no_sync,
	    /* An earlier attempt may have died in this directory. */
	    .sweep = job->attempt > 1};

	return export_output_open(o,
	    s3_is_place(o->place) ? open_object(job, o, e)
				  : file_open(&file, e),
	    e);
}

static int open_outputs(struct job *job, struct err *e)
{
	for (int i = 0; i < job->plan.count; i++) {
		struct export_output *o = &job->plan.outputs[i];

		if (o->partition_by == NULL && open_output(job, o, e) != 0)
			return -1;
	}
	return 0;
}

static int open_partition(
    void *arg, struct export_output *o, const char *partition, struct err *e)
{
	struct job *job = arg;

	if (job_find_place(job, o, partition, e) != 0)
		return -1;
	return open_output(job, o, e);
}

static int stream(struct job *job, struct err *e)
{
	const json_t *said =
	    json_object_get(json_object_get(job->message, "row"), "info");
	struct report_info info = {
	    .title = job->report_name,
	    .author = json_str(said, "author", ""),
	    .time_zone = job->time_zone,
	    .run_id = job->run_id,
	    .time = json_int(said, "time", 0),
	    .time_text = json_str(said, "time_text", ""),
	};
	struct watch watch = *job->watch;
	int rc;

	watch.check = look_up;
	watch.arg = job;
	source_set_watch(job->source, &watch);
	rc = export_run(&(struct export_options){.source = job->source,
			    .plan = &job->plan,
			    .info = &info,
			    .watch = &watch,
			    .rows = &job->rows,
			    .open_partition = open_partition,
			    .arg = job},
	    e);
	source_set_watch(job->source, job->watch);
	return rc;
}

/* What the run and its outputs have to say, in one text. */
static char *all_remarks(const struct export_plan *plan)
{
	char *all = mem_strdup(plan->remark);

	for (int i = 0; i < plan->count; i++) {
		const struct export_output *o = &plan->outputs[i];
		char *old = all;

		if (o->remark == NULL)
			continue;
		all = mem_printf("%s%s%s: %s", old ? old : "", old ? "; " : "",
		    o->type->name, o->remark);
		free(old);
	}
	return all;
}

static int finish_outputs(struct job *job, struct err *e)
{
	const struct export_plan *plan = &job->plan;

	if (export_finish(plan, e) != 0)
		return -1;
	if (check_size(job, e) != 0)
		return -1;
	job->remark = all_remarks(plan);
	str_copy(job->sha256, sizeof(job->sha256),
	    digest_sha256(export_first(plan)->digest));
	return 0;
}

static json_t *describe(const struct export_output *o)
{
	char *url = destination_url(o->place);
	json_t *one = json_pack("{ss ss si sI sI ss ss*}", "url", url, "format",
	    o->type->name, "part", export_part(o), "rows", (json_int_t)o->rows,
	    "bytes", (json_int_t)digest_bytes(o->digest), "sha256",
	    digest_sha256(o->digest), "remark", o->remark);

	free(url);
	return one;
}

int stage_export(struct job *job, struct err *e)
{
	if (open_outputs(job, e) != 0 ||
	    (unload_asked(job) ? stage_unload(job, e) : stream(job, e)) != 0)
		return -1;
	if (job->rows == 0 &&
	    (job->plan.skip_if_empty || export_first(&job->plan) == NULL)) {
		job->bytes = -1;
		job->remark = mem_strdup("no rows: no output was made");
		return 0;
	}
	if (finish_outputs(job, e) != 0)
		return -1;
	job->unpublished = true;
	return 0;
}

/* One after the other: who dies in between leaves some of them, which the next
 * attempt replaces, as their names are the same. 1 when time ran out between two
 * of them. */
static int publish_outputs(struct job *job, struct err *e)
{
	for (int i = 0; i < job->plan.count; i++) {
		struct export_output *o = &job->plan.outputs[i];

		if (o->sink == NULL || o->sink->state == SINK_PUBLISHED)
			continue;
		if (job->published++ > 0 &&
		    clock_boot_ms() >= job->publish_until_ms) {
			job->published = 0;
			return 1;
		}
		if (sink_publish(o->sink,
			&(struct sink_terms){.rows = o->rows,
			    .sha256 = digest_sha256(o->digest),
			    .until_ms = job->publish_until_ms},
			e) != 0)
			return -1;
	}
	return 0;
}

int stage_publish(struct job *job, struct err *e)
{
	const struct export_plan *plan = &job->plan;
	int rc = publish_outputs(job, e);
	json_t *all;

	if (rc != 0)
		return rc;
	job->output_url = destination_url(export_first(plan)->place);
	if (plan->count == 1)
		return 0;
	all = json_array();
	for (int i = 0; i < plan->count; i++) {
		if (plan->outputs[i].sink != NULL)
			json_array_append_new(all, describe(&plan->outputs[i]));
	}
	job->outputs = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	return 0;
}
