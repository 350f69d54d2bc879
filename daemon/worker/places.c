/* SPDX-License-Identifier: MIT */
#include "worker/places.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/template.h"

const char *job_value(
    const struct job *job, const char *name, char text[static JOB_VALUE])
{
	if (strcmp(name, "report_name") == 0)
		return job->asked.report_name;
	if (strcmp(name, "scheduled_for") == 0)
		return job->asked.scheduled_text;
	if (strcmp(name, "run_id") == 0)
		snprintf(text, JOB_VALUE, "%" PRId64, job->asked.run_id);
	else if (strcmp(name, "config_id") == 0)
		snprintf(text, JOB_VALUE, "%" PRId64, job->asked.config_id);
	else if (strcmp(name, "request_id") == 0)
		snprintf(text, JOB_VALUE, "%" PRId64, job->asked.request_id);
	else
		return NULL;
	return text;
}

static const char *template_of(const struct job *job)
{
	return json_str(json_object_get(job->asked.message, "row"),
	    "output_path", json_str(job->asked.message, "output", ""));
}

/* Checks before anything runs that the settings allow the place and that its
 * options are sound. */
static int check_place(
    const struct job *job, const struct export_output *o, struct err *e)
{
	if (place_allow(&job->lent.places, o->place, o->options, e) != 0)
		return err_wrap(e, "output_path");
	return place_check(o->place, o->options, e);
}

static int check_grant(
    const struct job *job, const char *address, struct err *e)
{
	const struct job_asked *asked = &job->asked;

	if (job_text(job, "output_path") == NULL)
		return template_check_default(asked->output_root,
		    template_of(job), address, asked->write_paths,
		    asked->other_paths, e);
	return template_check_grant(
	    asked->output_root, address, asked->write_paths, e);
}

int job_find_place(struct job *job, struct export_output *output,
    const char *partition, struct err *e)
{
	char run_id[JOB_VALUE], config_id[JOB_VALUE], request_id[JOB_VALUE],
	    part[JOB_VALUE];
	const struct template_value known[] = {
	    {"report_name", job->asked.report_name},
	    {"owner", job_text(job, "owner")},
	    {"run_id", job_value(job, "run_id", run_id)},
	    {"config_id", job_value(job, "config_id", config_id)},
	    {"request_id", job_value(job, "request_id", request_id)},
	    {"scheduled_for", job->asked.scheduled_text},
	    {"ext", output->extension}, {"part", part}};
	size_t n = sizeof(known) / sizeof(*known);
	/* The built-in values, the report's parameters, and an empty value at
	 * the end. */
	struct template_value *values =
	    mem_zalloc((n + 1 + json_object_size(job->asked.parameters)) *
		       sizeof(*values));
	const char *name;
	json_t *v;

	snprintf(part, sizeof(part), "%d", export_part(output));
	memcpy(values, known, sizeof(known));
	json_object_foreach((json_t *)(uintptr_t)job->asked.parameters, name, v)
	{
		values[n++] =
		    (struct template_value){name, json_string_value(v)};
	}
	output->place = template_path(
	    &(struct template_options){.root = job->asked.output_root,
		.template = template_of(job),
		.values = values,
		.time = &job->asked.scheduled,
		.partition = partition},
	    e);
	free(values);
	return output->place == NULL || check_grant(job, output->place, e) != 0
		   ? -1
		   : check_place(job, output, e);
}

int job_find_places(struct job *job, struct err *e)
{
	if (export_plan_check_name(&job->plan, template_of(job), e) != 0)
		return -1;
	for (int i = 0; i < job->plan.count; i++) {
		struct export_output *o = &job->plan.outputs[i];

		/* An output with partitions is checked with a sample
		 * partition. */
		if (job_find_place(
			job, o, o->partition_by ? "partition" : NULL, e) != 0)
			return -1;
	}
	return 0;
}
