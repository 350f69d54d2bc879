/* SPDX-License-Identifier: MIT */
#include "encode/encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "encode/chart/chart.h"
#include "encode/html/html.h"
#include "encode/parquet/parquet.h"
#include "encode/pdf/pdf.h"
#include "encode/text/copy.h"
#include "encode/text/csv.h"
#include "encode/text/json_rows.h"
#include "encode/xlsx/xlsx.h"

static const struct encoder_type *const types[] = {
    &encoder_csv,
    &encoder_html,
    &encoder_json,
    &encoder_jsonl,
    &encoder_xlsx,
    &encoder_pdf,
    &encoder_parquet,
    &encoder_table,
};
#define TYPES ((int)(sizeof(types) / sizeof(*types)))

const struct encoder_type *encoder_type_at(int i)
{
	return i < TYPES ? types[i] : NULL;
}

const struct encoder_type *encoder_type_named(const char *format)
{
	for (int i = 0; i < TYPES; i++) {
		const char *alias = types[i]->alias;

		if (strcasecmp(types[i]->name, format) == 0 ||
		    (alias != NULL && strcasecmp(alias, format) == 0))
			return types[i];
	}
	return NULL;
}

struct encoder *encoder_open(const struct encoder_type *type,
    const struct encoder_options *options, struct err *e)
{
	struct encoder *enc;

	if (option_check_values(type->options, options->options, e) != 0 ||
	    option_check_together(type->options, options->options, e) != 0)
		return NULL;
	enc = type->open(options, e);
	if (enc != NULL) {
		enc->type = type;
		enc->options = options->options;
		enc->expected =
		    type->one_section ? 1 : options->expected_sections;
	}
	return enc;
}

/* Removes from `unseen` the names that this section has. */
static void see_columns(struct encoder *enc, const struct schema *schema)
{
	free(enc->columns);
	enc->columns = schema_names(schema);
	if (enc->unseen == NULL)
		enc->unseen =
		    json_copy(json_object_get(enc->options, "columns"));
	for (int i = 0; enc->unseen != NULL && i < schema->count; i++)
		json_object_del(enc->unseen, schema->columns[i].name);
}

/* Notes which column of the chart a section lacks, until a section has all of
 * them. */
static void see_chart(struct encoder *enc, const struct section *section)
{
	const char *lacks = chart_lacks(enc->options, section);

	enc->charted |= lacks == NULL;
	free(enc->chart_lacks);
	enc->chart_lacks = NULL;
	if (enc->charted)
		return;
	enc->chart_lacks = mem_printf(
	    "%s has no column \"%s\", which \"chart\" names; its columns: %s",
	    enc->sections > 1 ? "no result has all columns of the chart: the "
				"last one"
			      : "the result",
	    lacks, enc->columns);
}

static int check_chart(const struct encoder *enc, struct err *e)
{
	return enc->chart_lacks == NULL
		   ? 0
		   : err_set(e, ERR_PERMANENT, "output_options: %s",
			 enc->chart_lacks);
}

static int check_columns(const struct encoder *enc, struct err *e)
{
	void *first = json_object_iter(enc->unseen);

	if (first == NULL)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "output_options: \"columns.%s\": %s; %s columns: %s",
	    json_object_iter_key(first),
	    enc->sections > 1 ? "no result has such a column"
			      : "the result has no such column",
	    enc->sections > 1 ? "the last one's" : "its",
	    enc->columns ? enc->columns : "none");
}

int encoder_lacks(const struct encoder *enc, const char *option,
    const char *column, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "output_options: \"%s\" names the column \"%s\", which %s; "
	    "%s columns: %s",
	    option, column,
	    enc->sections > 1 ? "no result has" : "the result does not have",
	    enc->sections > 1 ? "the last one's" : "its",
	    enc->columns ? enc->columns : "none");
}

int encoder_begin(
    struct encoder *enc, const struct section *section, struct err *e)
{
	layout_free(&enc->layout);
	if (layout_open(&enc->layout, enc->options, section->schema, e) != 0)
		return -1;
	enc->sections++;
	see_columns(enc, section->schema);
	see_chart(enc, section);
	if (enc->sections == enc->expected &&
	    (check_columns(enc, e) != 0 || check_chart(enc, e) != 0))
		return -1;
	return enc->type->begin(enc, section, e);
}

int encoder_rows(struct encoder *enc, const struct batch *b, struct err *e)
{
	return enc->type->rows(enc, b, e);
}

int encoder_end(struct encoder *enc, struct err *e)
{
	return enc->type->end(enc, e);
}

int encoder_finish(struct encoder *enc, struct err *e)
{
	if (check_columns(enc, e) != 0 || check_chart(enc, e) != 0)
		return -1;
	return enc->type->finish(enc, e);
}

void encoder_free(struct encoder *enc)
{
	struct layout layout;
	json_t *unseen;

	if (enc == NULL)
		return;
	/* An encoder that stopped half-way still reads its layout when it is
	 * freed, so the layout is freed after the encoder. */
	layout = enc->layout;
	unseen = enc->unseen;
	free(enc->chart_lacks);
	free(enc->columns);
	enc->type->free(enc);
	layout_free(&layout);
	json_decref(unseen);
}
