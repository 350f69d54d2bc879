/* SPDX-License-Identifier: MIT */
#include "worker/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static void read_schedule(struct job *job)
{
	int64_t offset = json_int(job->asked.row, "utc_offset", 0);
	int64_t minutes = (offset < 0 ? -offset : offset) / 60;

	job->asked.scheduled_for =
	    json_str(job->asked.row, "scheduled_for", "");
	strptime(job->asked.scheduled_for, "%Y-%m-%dT%H:%M:%S",
	    &job->asked.scheduled);
	job->asked.scheduled.tm_isdst = 0;
	timegm(&job->asked.scheduled); /* fills in tm_wday and tm_yday */
	job->asked.scheduled.tm_gmtoff = offset;
	snprintf(job->asked.scheduled_text, sizeof(job->asked.scheduled_text),
	    "%.19s%c%02d:%02d", job->asked.scheduled_for,
	    offset < 0 ? '-' : '+', (int)(minutes / 60), (int)(minutes % 60));
}

static void name_numbers(struct job_asked *asked)
{
	snprintf(asked->run_text, sizeof(asked->run_text), "%" PRId64,
	    asked->run_id);
	snprintf(asked->config_text, sizeof(asked->config_text), "%" PRId64,
	    asked->config_id);
	snprintf(asked->request_text, sizeof(asked->request_text), "%" PRId64,
	    asked->request_id);
}

static int take_target(struct job *job, struct err *e)
{
	const char *packed = json_str(job->asked.terms, "target", NULL);

	if (packed == NULL)
		return 0;
	job->asked.into = settings_unpack_source(packed, e);
	job->lent.places.target = job->asked.into;
	job->lent.places.target_timeout_ms =
	    json_int(job->asked.message, "target_timeout", 0);
	return job->asked.into ? 0 : -1;
}

int job_open(struct job *job, json_t *message, struct err *e)
{
	const json_t *row = json_object_get(message, "row"),
		     *terms = json_object_get(message, "terms");

	*job = (struct job){.asked = {.message = message,
				.row = row,
				.rare = json_object_get(row, "rare"),
				.terms = terms},
	    .outcome = {.stage = "start",
		.prep_ms = -1,
		.rows = -1,
		.bytes = -1,
		.score = -1,
		.started_ms = clock_boot_ms()}};
	buf_init(&job->asked.prep_sql, SOURCE_SQL_MAX);
	buf_init(&job->asked.export_sql, SOURCE_SQL_MAX);
	buf_init(&job->asked.result_sql, SOURCE_SQL_MAX);
	job->asked.run_id = json_int(message, "run_id", 0);
	job->asked.output_root = json_str(terms, "output_root", "");
	job->lent.places = (struct place_lent){.root = job->asked.output_root,
	    .file_mode = (mode_t)json_int(terms, "file_mode", 0640),
	    .no_sync = json_bool(terms, "no_sync", false)};
	job->asked.timeout_ms = json_int(message, "timeout", 0);
	if (job->asked.timeout_ms > 0)
		job->asked.deadline_ms =
		    job->outcome.started_ms + job->asked.timeout_ms;
	job->asked.statement_timeout_ms =
	    json_int(message, "statement_timeout", 0);
	job->asked.config_id = json_int(message, "config_id", 0);
	job->asked.request_id = json_int(row, "request_id", 0);
	job->asked.report_name = json_str(row, "report_name", "");
	job->asked.source_name = json_str(row, "source", "");
	job->asked.time_zone = json_str(row, "time_zone", "UTC");
	job->asked.attempt = json_int(row, "attempt", 1);
	job->asked.again = json_is_true(job_member(job, "again"));
	job->asked.parameters = json_object_get(row, "parameters");
	job->asked.output_options = json_object_get(row, "output_options");
	job->asked.linked = job_member(job, "linked");
	job->asked.write_paths = job_member(job, "write_paths");
	job->asked.other_paths = job_member(job, "other_paths");
	job->asked.inputs = job_member(job, "inputs");
	job->asked.gate = job_member(job, "gate");
	read_schedule(job);
	if (job->asked.config_id == 0)
		return err_set(e, ERR_PERMANENT, "the job has no config_id");
	job->asked.from = json_str(terms, "source", "");
	job->asked.queue = job_text(job, "queue");
	name_numbers(&job->asked);
	return take_target(job, e);
}

void job_free(struct job *job)
{
	settings_free_source(job->asked.into);
	buf_free(&job->asked.prep_sql);
	buf_free(&job->asked.export_sql);
	buf_free(&job->asked.result_sql);
	export_plan_free(&job->plan);
	free(job->outcome.output_url);
	free(job->outcome.outputs);
	free(job->outcome.remark);
	free(job->outcome.of_source);
	json_decref(job->outcome.stage_ms);
	json_decref(job->outcome.result);
	json_decref(job->outcome.checks);
	json_decref(job->outcome.record.list);
	json_decref(job->asked.message);
}

bool job_wants_snapshot(const struct job *job)
{
	return json_bool(job->asked.output_options, "snapshot", true);
}

void job_add_remark(struct job *job, const char *text)
{
	char *old = job->outcome.remark;

	if (text == NULL)
		return;
	job->outcome.remark =
	    old ? mem_printf("%s; %s", old, text) : mem_strdup(text);
	free(old);
}

json_t *job_member(const struct job *job, const char *key)
{
	json_t *own = json_object_get(job->asked.row, key);

	return own ? own : json_object_get(job->asked.rare, key);
}

const char *job_text(const struct job *job, const char *key)
{
	return json_string_value(job_member(job, key));
}

bool job_has(const struct job *job, const char *key)
{
	const char *text = job_text(job, key);

	return text != NULL && *text != '\0';
}

bool job_copies_files(const struct job *job)
{
	return job->asked.into != NULL && !job_has(job, "export_sql");
}

bool job_holds_locks(const struct job *job)
{
	return outputs_hold_locks(&job->plan);
}

int job_timed_out(const struct job *job, struct err *e)
{
	char limit[32];

	job_show_ms(job->asked.timeout_ms, limit);
	return err_set(e, ERR_TIMEOUT, "timed out after %s", limit);
}

void job_show_ms(int64_t ms, char to[static 32])
{
	bool fine = ms % 1000 != 0;

	snprintf(to, 32, "%" PRId64 "%s", fine ? ms : ms / 1000,
	    fine ? " ms" : " s");
}
