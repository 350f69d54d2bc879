/* SPDX-License-Identifier: MIT */
#include "worker/stage/export.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "export/export.h"
#include "export/outputs.h"
#include "sink/digest.h"
#include "worker/check_ask.h"
#include "worker/fill.h"
#include "worker/places.h"
#include "worker/stage/unload.h"

int export_check_size(struct job *job, struct err *e)
{
	int64_t most = services_settings(job->lent.services)->max_output;

	job->outcome.bytes = outputs_bytes(&job->plan);
	if (most == 0 || job->outcome.bytes <= most)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "the outputs are larger than the %" PRId64
	    " bytes of max_output in "
	    "the settings; select less, compress them, or have max_output "
	    "raised",
	    most);
}

/* Watches the export: checks the bytes so far and moves uploads on, then calls
 * the worker's watch. */
static int look_up(void *arg, struct err *e)
{
	struct job *job = arg;

	if (export_check_size(job, e) != 0)
		return -1;
	return outputs_step(&job->plan, e) != 0
		   ? -1
		   : watch_check(job->lent.watch, e);
}

static int locate(
    void *arg, struct export_output *o, const char *partition, struct err *e)
{
	return job_find_place(arg, o, partition, e);
}

struct place_output export_made_with(struct job *job)
{
	const struct job_asked *asked = &job->asked;

	return (struct place_output){.lent = &job->lent.places,
	    .run_id = asked->run_text,
	    .report = asked->report_name,
	    .report_id = asked->config_text,
	    .scheduled_for = asked->scheduled_text,
	    .again = asked->again,
	    .queue = asked->queue,
	    .request_id = asked->request_text,
	    .time_zone = asked->time_zone,
	    .staged = checks_has(job, CHECK_TARGET),
	    .record = &job->outcome.record};
}

static int open_outputs(struct job *job, struct err *e)
{
	job->outputs = (struct outputs){.plan = &job->plan,
	    .made_with = export_made_with(job),
	    .locate = locate,
	    .arg = job};
	return outputs_open(&job->outputs, e);
}

int export_ask_landed(struct job *job, struct err *e)
{
	const struct export_output *o = &job->plan.outputs[0];
	struct place_output with = export_made_with(job);
	struct place_landed found;
	char *remark;
	int rc;

	if (!job->asked.again || job->plan.count != 1 ||
	    o->partition_by != NULL)
		return 0;
	with.address = o->place;
	rc = place_landed(&with, &found, e);
	if (rc != 1)
		return rc;
	job->outcome.landed = true;
	job->outcome.rows = found.rows;
	job->outcome.output_url = place_url(o->place);
	if (found.result != NULL)
		job->outcome.result = json_loads(found.result, 0, NULL);
	free(found.result);
	remark = mem_printf(
	    "an earlier attempt loaded it at %s, so nothing was run", found.at);
	job_add_remark(job, remark);
	free(remark);
	return 0;
}

static int stream(struct job *job, struct err *e)
{
	const json_t *said = job_member(job, "info");
	struct report_info info = {
	    .title = job->asked.report_name,
	    .author = json_str(said, "author", ""),
	    .time_zone = job->asked.time_zone,
	    .run_id = job->asked.run_id,
	    .time = json_int(said, "time", 0),
	    .time_text = json_str(said, "time_text", ""),
	};
	struct watch watch = *job->lent.watch;
	int rc;

	watch.check = look_up;
	watch.arg = job;
	source_set_watch(job->lent.source, &watch);
	rc = export_run(&(struct export_options){.source = job->lent.source,
			    .plan = &job->plan,
			    .info = &info,
			    .watch = &watch,
			    .rows = &job->outcome.rows,
			    .goes_on = job->lent.reads_on,
			    .open = outputs_open_late,
			    .arg = &job->outputs},
	    e);
	source_set_watch(job->lent.source, job->lent.watch);
	return rc;
}

/* Joins the remarks of the run and its outputs into one text; the caller frees
 * it. */
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

void export_note_outputs(struct job *job)
{
	char *remark = all_remarks(&job->plan);

	job_add_remark(job, remark);
	free(remark);
	str_copy(job->outcome.sha256, sizeof(job->outcome.sha256),
	    digest_sha256(export_first(&job->plan)->digest));
}

static int finish_outputs(struct job *job, struct err *e)
{
	if (outputs_finish(&job->plan, e) != 0 ||
	    export_check_size(job, e) != 0)
		return -1;
	if (!outputs_hold_locks(&job->plan))
		export_note_outputs(job);
	return 0;
}

static json_t *describe(const struct export_output *o)
{
	char *url = place_url(o->place);
	json_t *one = json_pack("{ss ss si}", "url", url, "format",
	    o->type->name, "part", export_part(o));

	free(url);
	return outputs_describe(o, one);
}

static int run(struct job *job, struct err *e)
{
	if (open_outputs(job, e) != 0 ||
	    (unload_asked(job) ? stage_unload(job, e) : stream(job, e)) != 0)
		return -1;
	if (outputs_none(&job->plan, job->outcome.rows)) {
		job->outcome.bytes = -1;
		job_add_remark(job, "no rows: no output was made");
		unload_drop(job);
		return 0;
	}
	if (finish_outputs(job, e) != 0)
		return -1;
	job->outcome.unpublished = true;
	return 0;
}

static bool wanted(const struct job *job)
{
	return job_has(job, "export_sql");
}

/* Returns the abilities that the source must have. */
static unsigned needs(const struct job *job)
{
	unsigned all = 0;

	if (job->plan.statement_count > 1 && job_wants_snapshot(job))
		all |= SOURCE_SNAPSHOT;
	if (unload_asked(job))
		all |= SOURCE_UNLOAD;
	return all;
}

static int prepare(struct job *job, struct err *e)
{
	struct job_asked *asked = &job->asked;
	const char *formats = job_text(job, "output_format");

	if (fill_member(job, "export_sql", &asked->export_sql, e) != 0 ||
	    export_plan_open(&job->plan, asked->export_sql.data,
		formats ? formats : "", asked->output_options, e) != 0 ||
	    source_check(job->lent.source, needs(job), e) != 0 ||
	    job_find_places(job, e) != 0)
		return -1;
	return unload_asked(job) ? unload_check(job, e)
				 : export_ask_landed(job, e);
}

static void note_outputs(struct job *job)
{
	const struct export_plan *plan = &job->plan;
	json_t *all;

	job->outcome.output_url = place_url(export_first(plan)->place);
	if (plan->count == 1)
		return;
	all = json_array();
	for (int i = 0; i < plan->count; i++) {
		if (plan->outputs[i].sink != NULL)
			json_array_append_new(all, describe(&plan->outputs[i]));
	}
	job->outcome.outputs = json_dumps(all, JSON_COMPACT);
	json_decref(all);
}

int export_publish(struct job *job, struct err *e)
{
	int rc = outputs_publish(&job->plan, job->lent.publish_until_ms, e);

	/* An error that may pass leaves open whether the manifest is there, and a
	 * reader of it needs the objects. */
	if (rc == 0 || (rc < 0 && e->kind != ERR_PERMANENT))
		unload_keep(job);
	if (rc == 0)
		note_outputs(job);
	return rc;
}

static void abort_outputs(struct job *job)
{
	outputs_abort(&job->plan);
	unload_drop(job);
}

const struct stage stage_export = {
    .name = "export",
    .sql = "export_sql",
    .reads_only = true,
    .wanted = wanted,
    .prepare = prepare,
    .run = run,
    .publish = export_publish,
    .abort = abort_outputs,
    .drop = unload_drop,
};
