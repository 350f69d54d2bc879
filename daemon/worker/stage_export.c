/* SPDX-License-Identifier: MIT */
#include "worker/stage_export.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "export/export.h"
#include "sink/digest.h"
#include "sink/file.h"
#include "worker/destination.h"

static int64_t all_bytes(const struct export_plan *plan)
{
	int64_t bytes = 0;

	for (int i = 0; i < plan->count; i++) {
		if (plan->outputs[i].digest != NULL)
			bytes += (int64_t)digest_bytes(plan->outputs[i].digest);
	}
	return bytes;
}

/* The export's own watch: looks at the bytes on the way to the worker's. */
static int look_up(void *arg, struct err *e)
{
	struct job *job = arg;

	job->bytes = all_bytes(&job->plan);
	return watch_check(job->watch, e);
}

static int open_output(
    const struct job *job, struct export_output *o, struct err *e)
{
	struct file_options file = {.path = o->place,
	    .mode = (mode_t)job->file_mode,
	    .no_sync = job->no_sync,
	    /* An earlier attempt may have died in this directory. */
	    .sweep = job->attempt > 1};

	return export_output_open(o, file_open(&file, e), e);
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
	job->bytes = all_bytes(plan);
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
	if (open_outputs(job, e) != 0 || stream(job, e) != 0)
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
 * attempt replaces, as their names are the same. */
int stage_publish(struct job *job, struct err *e)
{
	const struct export_plan *plan = &job->plan;
	json_t *all;

	if (export_publish(plan, e) != 0)
		return -1;
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
