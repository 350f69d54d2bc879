/* SPDX-License-Identifier: MIT */
#include "worker/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "export/outputs.h"
#include "source/sqltext.h"
#include "worker/places.h"
#include "worker/stage/export.h"
#include "worker/stage/stage.h"
#include "worker/stage/unload.h"

static void read_schedule(struct job *job, const json_t *row)
{
	int64_t offset = json_int(row, "utc_offset", 0);
	int64_t minutes = (offset < 0 ? -offset : offset) / 60;

	job->asked.scheduled_for = json_str(row, "scheduled_for", "");
	strptime(job->asked.scheduled_for, "%Y-%m-%dT%H:%M:%S",
	    &job->asked.scheduled);
	job->asked.scheduled.tm_isdst = 0;
	timegm(&job->asked.scheduled); /* fills in tm_wday and tm_yday */
	job->asked.scheduled.tm_gmtoff = offset;
	snprintf(job->asked.scheduled_text, sizeof(job->asked.scheduled_text),
	    "%.19s%c%02d:%02d", job->asked.scheduled_for,
	    offset < 0 ? '-' : '+', (int)(minutes / 60), (int)(minutes % 60));
}

int job_open(struct job *job, json_t *message, struct err *e)
{
	const json_t *row = json_object_get(message, "row");

	*job = (struct job){.asked = {.message = message},
	    .outcome = {.stage = "start",
		.prep_ms = -1,
		.rows = -1,
		.bytes = -1,
		.started_ms = clock_boot_ms()}};
	buf_init(&job->asked.prep_sql, SOURCE_SQL_MAX);
	buf_init(&job->asked.export_sql, SOURCE_SQL_MAX);
	job->asked.run_id = json_int(message, "run_id", 0);
	job->asked.output_root = json_str(message, "output_root", "");
	job->lent.places = (struct place_lent){.root = job->asked.output_root,
	    .file_mode = (mode_t)json_int(message, "file_mode", 0640),
	    .no_sync = json_bool(message, "no_sync", false)};
	job->asked.timeout_ms = json_int(message, "timeout", 0);
	if (job->asked.timeout_ms > 0)
		job->asked.deadline_ms =
		    job->outcome.started_ms + job->asked.timeout_ms;
	job->asked.statement_timeout_ms =
	    json_int(message, "statement_timeout", 0);
	job->asked.config_id = json_int(row, "config_id", 0);
	job->asked.request_id = json_int(row, "request_id", 0);
	job->asked.report_name = json_str(row, "report_name", "");
	job->asked.source_name = json_str(row, "source", "");
	job->asked.time_zone = json_str(row, "time_zone", "UTC");
	job->asked.attempt = json_int(row, "attempt", 1);
	job->asked.parameters = json_object_get(row, "parameters");
	job->asked.output_options = json_object_get(row, "output_options");
	job->asked.write_paths = json_object_get(row, "write_paths");
	job->asked.other_paths = json_object_get(row, "other_paths");
	read_schedule(job, row);
	if (job->asked.config_id == 0)
		return err_set(e, ERR_PERMANENT, "the job has no config_id");
	job->asked.from =
	    settings_unpack_source(json_object_get(message, "source"), e);
	return job->asked.from ? 0 : -1;
}

void job_free(struct job *job)
{
	unload_drop(job);
	settings_free_source(job->asked.from);
	buf_free(&job->asked.prep_sql);
	buf_free(&job->asked.export_sql);
	export_plan_free(&job->plan);
	free(job->outcome.output_url);
	free(job->outcome.outputs);
	free(job->outcome.remark);
	json_decref(job->outcome.record.list);
	json_decref(job->asked.message);
}

static char *quote_parameter(
    void *arg, const char *name, bool identifier, struct err *e)
{
	struct job *job = arg;
	char number[JOB_VALUE];
	const char *text = job_value(job, name, number);
	const json_t *v = json_object_get(job->asked.parameters, name);

	if (text == NULL && v == NULL) {
		err_set(e, ERR_PERMANENT,
		    "unknown parameter :'%s'; add it to parameters", name);
		return NULL;
	}
	if (text == NULL && json_is_null(v)) {
		if (!identifier)
			return mem_strdup("NULL");
		err_set(e, ERR_PERMANENT,
		    "parameter :\"%s\" is null and cannot name anything", name);
		return NULL;
	}
	if (text == NULL)
		text = json_string_value(v);
	return source_quote(job->lent.source, text, identifier, e);
}

const char *job_text(const struct job *job, const char *key)
{
	return json_str(json_object_get(job->asked.message, "row"), key, NULL);
}

bool job_has(const struct job *job, const char *key)
{
	const char *text = job_text(job, key);

	return text != NULL && *text != '\0';
}

int job_fill_in(
    struct job *job, const char *key, struct buf *out, struct err *e)
{
	const char *sql = job_text(job, key);

	if (sql == NULL)
		return 0;
	if (sqltext_substitute(sql, quote_parameter, job, out, e) != 0)
		return err_wrap(e, "%s", key);
	return 0;
}

int job_prepare(struct job *job, struct err *e)
{
	const struct stage *stage;

	for (int i = 0; (stage = stage_at(i)) != NULL; i++) {
		if (stage->wanted(job) && stage->prepare(job, e) != 0)
			return -1;
	}
	return 0;
}

int job_timed_out(const struct job *job, struct err *e)
{
	bool fine = job->asked.timeout_ms % 1000 != 0;

	return err_set(e, ERR_TIMEOUT, "timed out after %" PRId64 "%s",
	    fine ? job->asked.timeout_ms : job->asked.timeout_ms / 1000,
	    fine ? " ms" : " s");
}

static int run_stage(struct job *job, const struct stage *stage, struct err *e)
{
	job->outcome.stage = stage->name;
	if (stage->run(job, e) == 0)
		return 0;
	source_advise(
	    job->lent.source, job_text(job, stage->sql), stage->reads_only, e);
	return err_wrap(e, "%s", stage->name);
}

int job_run(struct job *job, struct err *e)
{
	const struct stage *stage;

	for (int i = 0; (stage = stage_at(i)) != NULL; i++) {
		if (stage->wanted(job) && run_stage(job, stage, e) != 0)
			return -1;
	}
	job->outcome.stage = job->outcome.unpublished ? "publish" : "done";
	return 0;
}

int job_publish(struct job *job, struct err *e)
{
	int rc;

	rc = stage_publish(job, e);
	/* An error that may pass leaves open whether the manifest is there, and a
	 * reader of it needs the objects. */
	if (rc == 0 || (rc < 0 && e->kind != ERR_PERMANENT))
		unload_keep(job);
	if (rc < 0)
		return err_wrap(e, "publish");
	if (rc == 0)
		job->outcome.stage = "done";
	return rc;
}

void job_abort(struct job *job)
{
	outputs_abort(&job->plan);
}
