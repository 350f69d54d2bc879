/* SPDX-License-Identifier: MIT */
#include "worker/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "export/outputs.h"
#include "place/template.h"
#include "source/sqltext.h"
#include "worker/stage/export.h"
#include "worker/stage/prep.h"
#include "worker/stage/unload.h"

static void read_schedule(struct job *job, const json_t *row)
{
	int64_t offset = json_int(row, "utc_offset", 0);
	int64_t minutes = (offset < 0 ? -offset : offset) / 60;

	job->scheduled_for = json_str(row, "scheduled_for", "");
	strptime(job->scheduled_for, "%Y-%m-%dT%H:%M:%S", &job->scheduled);
	job->scheduled.tm_isdst = 0;
	timegm(&job->scheduled); /* fills in the days of week and year */
	job->scheduled.tm_gmtoff = offset;
	snprintf(job->scheduled_text, sizeof(job->scheduled_text),
	    "%.19s%c%02d:%02d", job->scheduled_for, offset < 0 ? '-' : '+',
	    (int)(minutes / 60), (int)(minutes % 60));
}

int job_open(struct job *job, json_t *message, struct err *e)
{
	const json_t *row = json_object_get(message, "row");

	*job = (struct job){.message = message,
	    .stage = "start",
	    .prep_ms = -1,
	    .rows = -1,
	    .bytes = -1,
	    .started_ms = clock_boot_ms()};
	buf_init(&job->prep_sql, SOURCE_SQL_MAX);
	buf_init(&job->export_sql, SOURCE_SQL_MAX);
	job->run_id = json_int(message, "run_id", 0);
	job->output_root = json_str(message, "output_root", "");
	job->places = (struct place_lent){.root = job->output_root,
	    .file_mode = (mode_t)json_int(message, "file_mode", 0640),
	    .no_sync = json_bool(message, "no_sync", false)};
	job->timeout_ms = json_int(message, "timeout", 0);
	if (job->timeout_ms > 0)
		job->deadline_ms = job->started_ms + job->timeout_ms;
	job->statement_timeout_ms = json_int(message, "statement_timeout", 0);
	job->config_id = json_int(row, "config_id", 0);
	job->request_id = json_int(row, "request_id", 0);
	job->report_name = json_str(row, "report_name", "");
	job->source_name = json_str(row, "source", "");
	job->time_zone = json_str(row, "time_zone", "UTC");
	job->attempt = json_int(row, "attempt", 1);
	job->parameters = json_object_get(row, "parameters");
	job->output_options = json_object_get(row, "output_options");
	job->write_paths = json_object_get(row, "write_paths");
	job->other_paths = json_object_get(row, "other_paths");
	read_schedule(job, row);
	if (job->config_id == 0)
		return err_set(e, ERR_PERMANENT, "the job has no config_id");
	job->from =
	    settings_unpack_source(json_object_get(message, "source"), e);
	return job->from ? 0 : -1;
}

void job_free(struct job *job)
{
	unload_drop(job);
	settings_free_source(job->from);
	buf_free(&job->prep_sql);
	buf_free(&job->export_sql);
	export_plan_free(&job->plan);
	free(job->output_url);
	free(job->outputs);
	free(job->remark);
	json_decref(job->record.list);
	json_decref(job->message);
}

/* A built-in value in `text` (of VALUE bytes), or NULL. */
#define VALUE 32
static const char *built_in(const struct job *job, const char *name, char *text)
{
	if (strcmp(name, "report_name") == 0)
		return job->report_name;
	if (strcmp(name, "scheduled_for") == 0)
		return job->scheduled_text;
	if (strcmp(name, "run_id") == 0)
		snprintf(text, VALUE, "%" PRId64, job->run_id);
	else if (strcmp(name, "config_id") == 0)
		snprintf(text, VALUE, "%" PRId64, job->config_id);
	else if (strcmp(name, "request_id") == 0)
		snprintf(text, VALUE, "%" PRId64, job->request_id);
	else
		return NULL;
	return text;
}

static char *quote_parameter(
    void *arg, const char *name, bool identifier, struct err *e)
{
	struct job *job = arg;
	char number[VALUE];
	const char *text = built_in(job, name, number);
	const json_t *v = json_object_get(job->parameters, name);

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
	return source_quote(job->source, text, identifier, e);
}

static const char *row_text(const struct job *job, const char *key)
{
	return json_str(json_object_get(job->message, "row"), key, NULL);
}

bool job_has(const struct job *job, const char *key)
{
	return row_text(job, key) != NULL;
}

static int fill_in(
    struct job *job, const char *key, struct buf *out, struct err *e)
{
	const char *sql = row_text(job, key);

	if (sql == NULL)
		return 0;
	if (sqltext_substitute(sql, quote_parameter, job, out, e) != 0)
		return err_wrap(e, "%s", key);
	return 0;
}

static const char *template_of(const struct job *job)
{
	return json_str(json_object_get(job->message, "row"), "output_path",
	    json_str(job->message, "output", ""));
}

/* Before anything runs: may it go there, and is it told soundly how? */
static int check_place(
    const struct job *job, const struct export_output *o, struct err *e)
{
	if (place_allow(&job->places, o->place, o->options, e) != 0)
		return err_wrap(e, "output_path");
	return place_check(o->place, o->options, e);
}

static int check_grant(
    const struct job *job, const char *address, struct err *e)
{
	if (row_text(job, "output_path") == NULL)
		return template_check_default(job->output_root,
		    template_of(job), address, job->write_paths,
		    job->other_paths, e);
	return template_check_grant(
	    job->output_root, address, job->write_paths, e);
}

int job_find_place(struct job *job, struct export_output *output,
    const char *partition, struct err *e)
{
	char run_id[VALUE], config_id[VALUE], request_id[VALUE], part[VALUE];
	const struct template_value known[] = {
	    {"report_name", job->report_name},
	    {"owner", row_text(job, "owner")},
	    {"run_id", built_in(job, "run_id", run_id)},
	    {"config_id", built_in(job, "config_id", config_id)},
	    {"request_id", built_in(job, "request_id", request_id)},
	    {"scheduled_for", job->scheduled_text}, {"ext", output->extension},
	    {"part", part}};
	size_t n = sizeof(known) / sizeof(*known);
	/* The built-in ones, the report's own, the end. */
	struct template_value *values = mem_zalloc(
	    (n + 1 + json_object_size(job->parameters)) * sizeof(*values));
	const char *name;
	json_t *v;

	snprintf(part, sizeof(part), "%d", export_part(output));
	memcpy(values, known, sizeof(known));
	json_object_foreach((json_t *)(uintptr_t)job->parameters, name, v)
	{
		values[n++] =
		    (struct template_value){name, json_string_value(v)};
	}
	output->place =
	    template_path(&(struct template_options){.root = job->output_root,
			      .template = template_of(job),
			      .values = values,
			      .time = &job->scheduled,
			      .partition = partition},
		e);
	free(values);
	return output->place == NULL || check_grant(job, output->place, e) != 0
		   ? -1
		   : check_place(job, output, e);
}

static int find_places(struct job *job, struct err *e)
{
	if (export_plan_check_name(&job->plan, template_of(job), e) != 0)
		return -1;
	for (int i = 0; i < job->plan.count; i++) {
		struct export_output *o = &job->plan.outputs[i];

		/* The path of one that has partitions is tried as well. */
		if (job_find_place(
			job, o, o->partition_by ? "partition" : NULL, e) != 0)
			return -1;
	}
	return 0;
}

/* What the source has to be able to do for it. */
static unsigned needs(const struct job *job)
{
	unsigned all = 0;

	if (job->prep_sql.data != NULL)
		all |= SOURCE_SCRIPT;
	if (job->plan.statement_count > 1)
		all |= SOURCE_SNAPSHOT;
	if (unload_asked(job))
		all |= SOURCE_UNLOAD;
	return all;
}

int job_prepare(struct job *job, struct err *e)
{
	const char *formats =
	    json_str(json_object_get(job->message, "row"), "output_format", "");

	if (fill_in(job, "prep_sql", &job->prep_sql, e) != 0 ||
	    fill_in(job, "export_sql", &job->export_sql, e) != 0)
		return -1;
	if (job->export_sql.data != NULL &&
	    export_plan_open(&job->plan, job->export_sql.data, formats,
		job->output_options, e) != 0)
		return -1;
	if (source_check(job->source, needs(job), e) != 0)
		return -1;
	if (job->export_sql.data == NULL)
		return 0;
	if (find_places(job, e) != 0)
		return -1;
	return unload_asked(job) ? unload_check(job, e) : 0;
}

int job_timed_out(const struct job *job, struct err *e)
{
	bool fine = job->timeout_ms % 1000 != 0;

	return err_set(e, ERR_TIMEOUT, "timed out after %" PRId64 "%s",
	    fine ? job->timeout_ms : job->timeout_ms / 1000,
	    fine ? " ms" : " s");
}

static int fail_stage(const struct job *job, const char *stage, struct err *e)
{
	bool reads = strcmp(stage, "export") == 0;

	source_advise(job->source,
	    row_text(job, reads ? "export_sql" : "prep_sql"), reads, e);
	return err_wrap(e, "%s", stage);
}

int job_run(struct job *job, struct err *e)
{
	if (job->prep_sql.data != NULL) {
		job->stage = "prep";
		if (stage_prep(job, e) != 0)
			return fail_stage(job, "prep", e);
		job->prep_ms = clock_boot_ms() - job->started_ms;
	}
	if (job->export_sql.data != NULL) {
		job->stage = "export";
		if (stage_export(job, e) != 0)
			return fail_stage(job, "export", e);
	}
	job->stage = job->unpublished ? "publish" : "done";
	return 0;
}

int job_publish(struct job *job, struct err *e)
{
	int rc;

	unload_keep(job);
	rc = stage_publish(job, e);
	if (rc < 0)
		return err_wrap(e, "publish");
	if (rc == 0)
		job->stage = "done";
	return rc;
}

void job_abort(struct job *job)
{
	outputs_abort(&job->plan);
}
