/* SPDX-License-Identifier: MIT */
#include "worker/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/glob.h"
#include "place/template.h"

const char *job_value(const struct job *job, const char *name)
{
	if (strcmp(name, "report_name") == 0)
		return job->asked.report_name;
	if (strcmp(name, "scheduled_for") == 0)
		return job->asked.scheduled_text;
	if (strcmp(name, "run_id") == 0)
		return job->asked.run_text;
	if (strcmp(name, "config_id") == 0)
		return job->asked.config_text;
	if (strcmp(name, "request_id") == 0)
		return job->asked.request_text;
	return NULL;
}

static const char *template_of(
    const struct job *job, const struct export_output *o)
{
	const char *own = o ? export_own_address(&job->plan, o) : NULL;

	if (own == NULL)
		own = job_text(job, "output_path");
	return own ? own : json_str(job->asked.terms, "output", "");
}

/* Checks before anything runs that the settings allow the place and that its
 * options are sound. */
static int check_place(
    const struct job *job, const struct export_output *o, struct err *e)
{
	if (place_check_format(o->place, o->type->name, e) != 0 ||
	    place_allow(&job->lent.places, o->place, o->options, e) != 0)
		return err_wrap(e, "output_path");
	return place_check(o->place, o->options, e);
}

/* A place without prefixes is granted by a name: the claim has asked, and the job
 * has the settings of that one alone. */
static int check_grant(
    const struct job *job, const char *address, struct err *e)
{
	const struct job_asked *asked = &job->asked;

	if (place_scheme_of(address)->within == NULL)
		return 0;
	if (job_text(job, "output_path") == NULL)
		return template_check_default(asked->output_root,
		    template_of(job, NULL), address, asked->write_paths,
		    asked->other_paths, e);
	return template_check_grant(
	    asked->output_root, address, asked->write_paths, e);
}

/* ---- apart from the inputs ---- */

/* Returns the path or pattern as the kernel reads it, links followed as far as
 * its folders exist. */
static char *real_path(const char *path)
{
	char *text = mem_strdup(path), *to = text, *all = NULL;

	for (const char *c = path; *c != '\0'; c++) {
		if (*c != '/' || c[1] != '/')
			*to++ = *c;
	}
	*to = '\0';
	for (size_t n = (size_t)(to - text); all == NULL && n > 1; n--) {
		char *folder, *real;

		if (text[n - 1] != '/')
			continue;
		folder = mem_printf("%.*s", (int)n, text);
		real = realpath(folder, NULL);
		if (real != NULL)
			all = mem_printf("%s/%s", real, text + n);
		free(folder);
		free(real);
	}
	if (all == NULL)
		return text;
	free(text);
	return all;
}

static bool is_read_by(const char *pattern, const char *address)
{
	char *real, *real_pattern;
	bool yes = glob_matches(pattern, address);

	if (yes || *pattern != '/' || *address != '/')
		return yes;
	real = real_path(address);
	real_pattern = real_path(pattern);
	yes = glob_matches(real_pattern, real);
	free(real);
	free(real_pattern);
	return yes;
}

/* Refuses an output where a listing would find it as a new file of the report, which
 * would run for ever. The row was checked for what it says itself, see
 * reportd.check_inputs_apart(); what the place is in the end is known here alone. */
static int check_unread(
    const struct job *job, const char *address, struct err *e)
{
	const json_t *input;
	size_t i;

	json_array_foreach(job->asked.inputs, i, input)
	{
		const char *pattern =
		    json_str(json_object_get(input, "spec"), "path", "");

		if (is_read_by(pattern, address))
			return err_set(e, ERR_PERMANENT,
			    "the output would be %s, which the input \"%s\" "
			    "reads (%s): the report would find its own output "
			    "as a new file; write it to another folder "
			    "(output_path, or output in [reportd] of the "
			    "settings)",
			    address, json_str(input, "name", ""), pattern);
	}
	return 0;
}

int job_find_place(struct job *job, struct export_output *output,
    const char *partition, struct err *e)
{
	char part[16];
	const struct template_value known[] = {
	    {"report_name", job->asked.report_name},
	    {"owner", job_text(job, "owner")}, {"run_id", job->asked.run_text},
	    {"config_id", job->asked.config_text},
	    {"request_id", job->asked.request_text},
	    {"scheduled_for", job->asked.scheduled_text},
	    {"ext", output->extension}, {"part", part},
	    {"section", export_section(&job->plan, output)}};
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
		.template = template_of(job, output),
		.values = values,
		.time = &job->asked.scheduled,
		.partition = partition},
	    e);
	free(values);
	return output->place == NULL ||
		       check_grant(job, output->place, e) != 0 ||
		       check_unread(job, output->place, e) != 0
		   ? -1
		   : check_place(job, output, e);
}

/* Two values may become one name of a file, since not every character may stand
 * in a name: ".a" and "_a" do. */
static int check_apart(const struct job *job, int i, struct err *e)
{
	const struct export_output *outputs = job->plan.outputs;

	/* An unload has one output, which its stage checks. */
	if (export_own_address(&job->plan, &outputs[i]) != NULL ||
	    json_bool(outputs[i].options, "unload", false))
		return 0;
	for (int k = 0; k < i; k++) {
		if (strcmp(outputs[i].place, outputs[k].place) == 0)
			return err_set(e, ERR_PERMANENT,
			    "output_path leads two results to one file, %s; "
			    "give each a name of its own",
			    outputs[i].place);
	}
	return 0;
}

int job_find_places(struct job *job, struct err *e)
{
	if (export_plan_check_name(&job->plan, template_of(job, NULL), e) != 0)
		return -1;
	for (int i = 0; i < job->plan.count; i++) {
		struct export_output *o = &job->plan.outputs[i];

		/* An output with partitions is checked with a sample
		 * partition. */
		if (job_find_place(
			job, o, o->partition_by ? "partition" : NULL, e) != 0 ||
		    check_apart(job, i, e) != 0)
			return -1;
	}
	return 0;
}
