/* SPDX-License-Identifier: MIT */
#include "export/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/text/charset.h"
#include "export/export_parts.h"

bool export_takes(const struct run *r, int i)
{
	const struct export_output *o = &r->plan->outputs[i];

	return !o->added && (o->part == 0 || o->part == r->index + 1);
}

/* Replaces the statement in r->sql by the one that the source makes of it. */
static void reshape(struct run *r, const struct source_shape *shape)
{
	struct buf inner = r->sql;

	buf_init(&r->sql, SOURCE_WRAP_MAX);
	source_shape(r->o->source, inner.data, shape, &r->sql);
	buf_free(&inner);
}

/* Makes the text of the statement. With max_rows, it asks for one row more,
 * which shows whether the result is longer. */
static int prepare(struct run *r, struct err *e)
{
	const struct export_plan *plan = r->plan;

	buf_clear(&r->sql);
	buf_str(&r->sql, plan->statements[r->index]);
	if (plan->max_rows > 0)
		reshape(r, &(struct source_shape){.limit = plan->max_rows + 1});
	for (int i = 0; i < plan->count; i++) {
		const json_t *by = plan->outputs[i].partition_by;

		if (by == NULL || !export_takes(r, i))
			continue;
		if (partition_check(
			r->o->source, plan->statements[r->index], by, e) != 0)
			return -1;
		reshape(r, &(struct source_shape){.sort_by = by});
	}
	if (r->sql.overflow)
		return err_set(e, ERR_PERMANENT,
		    "the SQL is longer than %zu bytes", SOURCE_SQL_MAX);
	return 0;
}

static void add_remark(char **remark, const char *text)
{
	char *old = *remark;

	*remark = old ? mem_printf("%s; %s", old, text) : mem_strdup(text);
	free(old);
}

const char *export_say_cut(struct run *r)
{
	char *text;

	snprintf(r->note, sizeof(r->note),
	    "cut after %lld row%s by max_rows; there are more",
	    (long long)r->plan->max_rows, r->plan->max_rows == 1 ? "" : "s");
	text = r->plan->statement_count == 1
		   ? mem_strdup(r->note)
		   : mem_printf("statement %d: %s", r->index + 1, r->note);
	add_remark(&r->plan->remark, text);
	free(text);
	return r->note;
}

struct encoder *export_open_encoder(struct run *r, int i, struct err *e)
{
	struct export_output *output = &r->plan->outputs[i];

	output->info = *r->o->info;
	output->info.title =
	    json_str(output->options, "title", output->info.title);
	return encoder_open(output->type,
	    &(struct encoder_options){.options = output->options,
		.info = &output->info,
		.sink = output->sink,
		.expected_sections =
		    output->part ? 1 : r->plan->statement_count},
	    e);
}

int export_finish_encoder(struct run *r, int i, struct err *e)
{
	struct encoder *enc = r->encoders[i];
	int rc = encoder_finish(enc, e);

	if (rc == 0 && enc->type->remark != NULL &&
	    enc->type->remark(enc) != NULL)
		add_remark(&r->plan->outputs[i].remark, enc->type->remark(enc));
	encoder_free(enc);
	r->encoders[i] = NULL;
	return rc;
}

/* Ends the partition that gets the rows. Its file is complete then and waits
 * until all files are published. */
static int end_partition(struct run *r, int i, struct err *e)
{
	int at = r->current[i];

	r->current[i] = -1;
	if (at < 0)
		return 0;
	if (encoder_end(r->encoders[at], e) != 0 ||
	    export_finish_encoder(r, at, e) != 0)
		return -1;
	return sink_finish(r->plan->outputs[at].sink, e);
}

static int begin_partition(struct run *r, int i, struct err *e)
{
	struct export_plan *plan = r->plan;
	struct partition *p = &r->partitions[i];
	struct export_output *o;

	if (p->key.overflow)
		return err_set(e, ERR_PERMANENT,
		    "the values in a partition are too long for a path");
	if (end_partition(r, i, e) != 0)
		return -1;
	o = export_add_partition(
	    plan, &plan->outputs[i], export_part(&plan->outputs[i]), e);
	if (o == NULL ||
	    r->o->open(r->o->arg, o, p->key.data, &p->rest, e) != 0)
		return -1;
	for (struct export_output *k = plan->outputs; k < o; k++) {
		if (k->place != NULL && strcmp(k->place, o->place) == 0)
			return err_set(e, ERR_PERMANENT,
			    "partition %s comes twice, as the rows are not "
			    "sorted by the texts of its columns; make values "
			    "that are equal one text in the query",
			    p->key.data);
	}
	r->current[i] = plan->count - 1;
	r->encoders[r->current[i]] = export_open_encoder(r, r->current[i], e);
	if (r->encoders[r->current[i]] == NULL)
		return -1;
	return encoder_begin(r->encoders[r->current[i]],
	    &(struct section){.schema = &p->rest}, e);
}

static int write_partitions(
    struct run *r, int i, const struct batch *batch, struct err *e)
{
	struct partition *p = &r->partitions[i];
	struct buf before;
	int from = 0;

	while (from < batch->rows) {
		struct batch run;
		bool same;

		before = p->key;
		buf_init(&p->key, before.max);
		from = partition_run(p, batch, from, &run, e);
		same = r->current[i] >= 0 && before.len == p->key.len &&
		       memcmp(before.data, p->key.data, before.len) == 0;
		buf_free(&before);
		if (from < 0)
			return -1;
		if (!same && begin_partition(r, i, e) != 0)
			return -1;
		if (encoder_rows(r->encoders[r->current[i]], &run, e) != 0)
			return -1;
		r->plan->outputs[r->current[i]].rows += run.rows;
	}
	return 0;
}

static int encode_rows(struct run *r, bool *cut, struct err *e)
{
	int64_t most = r->plan->max_rows;
	struct batch batch;
	int rc;

	while ((rc = source_next(r->o->source, &batch, e)) == 1) {
		if (most > 0 && batch.rows > most - r->rows) {
			batch.rows = (int)(most - r->rows);
			*cut = true;
		}
		for (int i = 0; i < r->plan->count && batch.rows > 0; i++) {
			if (!export_takes(r, i))
				continue;
			if ((r->plan->outputs[i].partition_by
				    ? write_partitions(r, i, &batch, e)
				    : encoder_rows(
					  r->encoders[i], &batch, e)) != 0)
				return -1;
		}
		r->rows += batch.rows;
		*r->o->rows += batch.rows;
		if (watch_check(r->o->watch, e) != 0)
			return -1;
	}
	return rc;
}

static int begin_output(
    struct run *r, int i, const struct section *section, struct err *e)
{
	struct export_output *o = &r->plan->outputs[i];

	if (o->partition_by != NULL) {
		partition_close(&r->partitions[i]);
		return partition_open(
		    &r->partitions[i], o->partition_by, section->schema, e);
	}
	if (o->sink == NULL &&
	    r->o->open(r->o->arg, o, NULL, section->schema, e) != 0)
		return -1;
	if (r->encoders[i] == NULL)
		r->encoders[i] = export_open_encoder(r, i, e);
	return r->encoders[i] ? encoder_begin(r->encoders[i], section, e) : -1;
}

static int end_output(struct run *r, int i, const char *note, struct err *e)
{
	struct export_output *o = &r->plan->outputs[i];

	if (o->partition_by != NULL && r->partitions[i].blank)
		add_remark(&r->plan->remark,
		    "partition_by: '' is in the directory of NULL");
	if (o->partition_by != NULL)
		return end_partition(r, i, e);
	o->rows += r->rows;
	r->encoders[i]->note = note;
	if (encoder_end(r->encoders[i], e) != 0)
		return -1;
	return o->part > 0 ? export_finish_encoder(r, i, e) : 0;
}

/* Writes the result of one statement with all encoders that take it. */
static int encode(struct run *r, const struct schema *schema, struct err *e)
{
	struct section section = {
	    .name = json_string_value(
		json_array_get(r->plan->section_names, (size_t)r->index)),
	    .schema = schema};
	const char *note = NULL;
	bool cut = false;

	for (int i = 0; i < r->plan->count; i++) {
		if (export_takes(r, i) && begin_output(r, i, &section, e) != 0)
			return -1;
	}
	if (encode_rows(r, &cut, e) != 0)
		return -1;
	if (cut)
		note = export_say_cut(r);
	for (int i = 0; i < r->plan->count; i++) {
		if (export_takes(r, i) && end_output(r, i, note, e) != 0)
			return -1;
	}
	return 0;
}

static int run_typed(struct run *r, struct err *e)
{
	/* Raw bytes are allowed for a single format only, so the first output's
	 * option decides. */
	bool raw = charset_is_raw(
	    json_str(r->plan->outputs[0].options, "encoding", "UTF8"));
	struct schema schema = {0};
	int rc = -1;

	if ((!raw || source_raw_text(r->o->source, true, e) == 0) &&
	    source_query(r->o->source, r->sql.data, &schema, e) == 0)
		rc = encode(r, &schema, e);
	if (rc == 0 && raw && r->o->goes_on)
		rc = source_raw_text(r->o->source, false, e);
	schema_free(&schema);
	return rc;
}

static int run_statement(struct run *r, struct err *e)
{
	int rc;

	r->rows = 0;
	rc = prepare(r, e);
	if (rc == 0)
		rc = export_try_pass(r, e);
	if (rc == 1)
		rc = run_typed(r, e);
	if (rc != 0 && r->plan->statement_count > 1)
		err_wrap(e, "statement %d of %d", r->index + 1,
		    r->plan->statement_count);
	return rc;
}

static int run_statements(struct run *r, struct err *e)
{
	for (; r->index < r->plan->statement_count; r->index++) {
		if (run_statement(r, e) != 0)
			return -1;
	}
	for (int i = 0; i < r->plan->count; i++) {
		if (r->encoders[i] != NULL &&
		    export_finish_encoder(r, i, e) != 0)
			return -1;
	}
	return 0;
}

int export_run(const struct export_options *o, struct err *e)
{
	size_t room = (size_t)o->plan->room;
	struct run r = {.o = o,
	    .plan = o->plan,
	    .encoders = mem_zalloc(room * sizeof(*r.encoders)),
	    .partitions =
		mem_zalloc((size_t)o->plan->count * sizeof(*r.partitions)),
	    .current = mem_zalloc((size_t)o->plan->count * sizeof(int))};
	int own = o->plan->count, rc;

	buf_init(&r.sql, SOURCE_WRAP_MAX);
	for (int i = 0; i < own; i++)
		r.current[i] = -1;
	*o->rows = 0;
	rc = run_statements(&r, e);
	for (int i = 0; i < o->plan->count; i++)
		encoder_free(r.encoders[i]);
	for (int i = 0; i < own; i++)
		partition_close(&r.partitions[i]);
	free(r.encoders);
	free(r.partitions);
	free(r.current);
	buf_free(&r.sql);
	if (rc == 0 && !o->goes_on)
		source_query_end(o->source);
	return rc;
}
