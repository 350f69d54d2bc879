/* SPDX-License-Identifier: MIT */
#include "worker/stage/copy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "export/outputs.h"
#include "input/whole.h"
#include "worker/inputs.h"
#include "worker/places.h"
#include "worker/stage/export.h"

static const char mark[] =
    "\xEF\xBB\xBF"; /* some editors begin a text with it */
#define MARK_LEN (sizeof(mark) - 1)

static const json_t *input_of(const struct job *job)
{
	return json_array_get(job->asked.inputs, 0);
}

static struct export_output *output_of(struct job *job)
{
	return &job->plan.outputs[0];
}

/* ---- columns ---- */

static void make_schema(const json_t *names, struct schema *to)
{
	const json_t *name;
	size_t i;

	to->count = (int)json_array_size(names);
	to->columns = mem_zalloc((size_t)to->count * sizeof(*to->columns));
	json_array_foreach(names, i, name)
	{
		to->columns[i] = (struct column){.nullable = true,
		    .name = mem_strdup(json_string_value(name))};
	}
}

/* ---- one file ---- */

struct file {
	struct job *job;
	const char *address;
	size_t matched; /* bytes of the mark so far; more: it is passed */
};

/* Leaves the mark at the beginning of a file out. A part of it that comes alone is
 * written. Returns how many bytes of the piece belong to it. */
static size_t skip_mark(struct file *f, const char *data, size_t len)
{
	size_t n = 0;

	while (
	    n < len && f->matched < MARK_LEN && data[n] == mark[f->matched]) {
		f->matched++;
		n++;
	}
	return n;
}

static int take(void *arg, const void *data, size_t len, struct err *e)
{
	struct file *f = arg;
	struct sink *sink = output_of(f->job)->sink;
	size_t before = f->matched, skip = 0;

	if (f->matched < MARK_LEN) {
		skip = skip_mark(f, data, len);
		if (skip == len)
			return 0;
	}
	if (f->matched < MARK_LEN) {
		f->matched = MARK_LEN;
		skip = 0;
		if (before > 0 && sink_write(sink, mark, before, e) != 0)
			return -1;
	}
	if (sink_write(sink, (const char *)data + skip, len - skip, e) != 0)
		return -1;
	return export_check_size(f->job, e);
}

static int changed(struct err *e)
{
	return err_set(
	    e, ERR_TRANSIENT, "it was replaced or changed while it was read");
}

static int copy_content(struct file *f, struct place_reader *reader,
    const struct schema *columns, struct err *e)
{
	struct export_output *o = output_of(f->job);
	const struct whole w = {.reader = reader,
	    .name = f->address,
	    .spec = json_object_get(input_of(f->job), "spec"),
	    .watch = f->job->lent.watch};
	int rc;

	if (outputs_begin_file(o, columns, e) != 0)
		return -1;
	rc = input_read(&w, take, f, e);
	if (rc == 0 && f->matched < MARK_LEN)
		rc = sink_write(o->sink, mark, f->matched, e);
	if (rc == 0)
		rc = place_pinned(reader, e);
	if (rc != 0)
		return rc > 0 ? changed(e) : -1;
	return outputs_end_file(o, e);
}

static int open_file(struct job *job, const json_t *file, struct err *e)
{
	const char *address = inputs_text(file, INPUT_ADDRESS);
	struct file f = {.job = job, .address = address};
	struct schema columns = {0};
	struct inputs_lent lent;
	struct place_reader *reader = NULL;
	int rc = inputs_lend(job, input_of(job), file, &lent, e);

	make_schema(json_array_get(file, INPUT_NAMES), &columns);
	if (rc == 0)
		rc = place_pin(&lent.places, address,
		    inputs_text(file, INPUT_VERSION), &reader, e);
	if (rc == 0)
		rc = copy_content(&f, reader, &columns, e);
	place_read_end(reader);
	free(lent.root);
	schema_free(&columns);
	return rc == 0 ? 0
		       : err_wrap(e, "%.*s", (int)input_name_length(address),
			     address);
}

/* ---- the stage ---- */

static int open_output(struct job *job, const json_t *files, struct err *e)
{
	const json_t *spec = json_object_get(input_of(job), "spec");
	const struct place_csv csv = {
	    .delimiter = json_str(spec, "delimiter", ",")[0],
	    .header = json_bool(spec, "header", true),
	    .types = json_object_get(spec, "columns")};
	struct schema schema = {0};
	int rc;

	make_schema(
	    json_array_get(json_array_get(files, 0), INPUT_NAMES), &schema);
	job->outputs = (struct outputs){
	    .plan = &job->plan, .made_with = export_made_with(job)};
	job->outputs.made_with.csv = &csv;
	rc = outputs_open_late(&job->outputs, output_of(job), NULL, &schema, e);
	schema_free(&schema);
	return rc;
}

static int copy_files(struct job *job, const json_t *files, struct err *e)
{
	const json_t *file;
	size_t i;

	output_of(job)->rows = -1;
	json_array_foreach(files, i, file)
	{
		if (open_file(job, file, e) != 0)
			return -1;
		job->outcome.rows = output_of(job)->rows;
	}
	return 0;
}

static int run(struct job *job, struct err *e)
{
	const json_t *files = json_object_get(input_of(job), "files");

	if (json_array_size(files) == 0) {
		job_add_remark(job, "no file: nothing was loaded");
		return 0;
	}
	if (open_output(job, files, e) != 0 || copy_files(job, files, e) != 0)
		return -1;
	if (outputs_none(&job->plan, job->outcome.rows)) {
		job->outcome.bytes = -1;
		job_add_remark(job, "no rows: no output was made");
		return 0;
	}
	job->outcome.unpublished = true;
	return 0;
}

static int prepare(struct job *job, struct err *e)
{
	const char *formats = job_text(job, "output_format");
	const json_t *spec = json_object_get(input_of(job), "spec");

	if (json_array_size(job->asked.inputs) != 1 ||
	    strcmp(json_str(spec, "format", ""), "csv") != 0)
		return err_set(e, ERR_PERMANENT,
		    "copy: a table without export_sql is loaded with the files "
		    "of one input of the format csv");
	return export_plan_open(&job->plan, NULL, formats ? formats : "",
		   job->asked.output_options, e) != 0 ||
		       job_find_places(job, e) != 0
		   ? -1
		   : export_ask_landed(job, e);
}

const struct stage stage_copy = {
    .name = "copy",
    .wanted = job_copies_files,
    .prepare = prepare,
    .run = run,
    .publish = export_publish,
};
