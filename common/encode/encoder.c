/* SPDX-License-Identifier: MIT */
#include "encode/encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "encode/chart/chart.h"
#include "encode/parquet/parquet.h"
#include "encode/pdf/pdf.h"
#include "encode/text/csv.h"
#include "encode/text/html.h"
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

const struct encoder_option option_section_names[] = {
    {"*", JSON_STRING, NULL, "its name", NULL},
    {NULL, JSON_NULL, NULL, NULL, NULL},
};

static const struct encoder_option s3_tags[] = {
    {"*", JSON_STRING, NULL, "a tag's value", NULL},
    {NULL, JSON_NULL, NULL, NULL, NULL},
};

static const struct encoder_option s3_metadata[] = {
    {"*", JSON_STRING, NULL, "what x-amz-meta-NAME says", NULL},
    {NULL, JSON_NULL, NULL, NULL, NULL},
};

const struct encoder_option option_s3[] = {
    {"storage_class", JSON_STRING, NULL,
	"such as STANDARD_IA; default: that of the settings, or the bucket's",
	NULL},
    {"sse", JSON_STRING, "AES256|aws:kms|aws:kms:dsse",
	"encryption at rest; default: that of the settings, or the bucket's",
	NULL},
    {"kms_key", JSON_STRING, NULL,
	"key of aws:kms; default: that of the settings, or the account's",
	NULL},
    {"acl", JSON_STRING,
	"private|public-read|public-read-write|authenticated-read|"
	"aws-exec-read|bucket-owner-read|bucket-owner-full-control",
	"default: that of the settings, or none", NULL},
    {"tags", JSON_OBJECT, NULL, "at most 10 tags", s3_tags},
    {"metadata", JSON_OBJECT, NULL,
	"beside run-id, report, report-id, scheduled-for, rows and sha256",
	s3_metadata},
    {"content_type", JSON_STRING, NULL,
	"default: that of the format and its compression", NULL},
    {"content_disposition", JSON_STRING, "inline|attachment",
	"whether a browser shows or saves it; default: HTML and PDF are shown",
	NULL},
    {"cache_control", JSON_STRING, NULL, "default: none", NULL},
    {"create_only", JSON_TRUE, NULL,
	"refuse to replace an object; default false", NULL},
    {NULL, JSON_NULL, NULL, NULL, NULL},
};

/* "columns.amount", in front of which everything else stands. */
#define PATH_MAX_BYTES 512

static int refuse_key(const char *owner, const struct encoder_option *options,
    const char *key, struct err *e)
{
	struct buf known;

	buf_init(&known, 4096);
	for (const struct encoder_option *o = options; o->name; o++)
		buf_printf(&known, "%s%s", known.len ? ", " : "", o->name);
	err_set(e, ERR_PERMANENT,
	    "output_options: %s has no option \"%s\"; known: %s", owner, key,
	    known.data);
	buf_free(&known);
	return -1;
}

static bool is_allowed(const char *allowed, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = allowed; *at != '\0';) {
		size_t n = strcspn(at, "|");

		if (n == len && strncmp(at, word, n) == 0)
			return true;
		at += n + (at[n] == '|');
	}
	return false;
}

/* "1..100" or "1..": written by us. */
static bool in_range(const char *allowed, double x)
{
	char *end;
	double least = strtod(allowed, &end);

	end += strspn(end, ".");
	return x >= least && (*end == '\0' || x <= strtod(end, NULL));
}

static bool has_type(const json_t *value, json_type type)
{
	if (type == JSON_TRUE)
		return json_is_boolean(value);
	if (type == JSON_REAL)
		return json_is_number(value);
	return json_typeof(value) == type;
}

const char *encoder_option_type(const struct encoder_option *o)
{
	switch (o->type) {
	case JSON_TRUE:
		return "boolean";
	case JSON_INTEGER:
		return "integer";
	case JSON_REAL:
		return "number";
	case JSON_ARRAY:
		return "array";
	case JSON_OBJECT:
		return "object";
	default:
		return "string";
	}
}

static int check_keys(const char *path, const char *owner,
    const struct encoder_option *options, const json_t *object, struct err *e);

static int check_value(const char *path, const struct encoder_option *o,
    const json_t *value, struct err *e)
{
	const char *type = encoder_option_type(o);
	char quoted[PATH_MAX_BYTES + 3];
	const json_t *element;
	size_t i;

	if (!has_type(value, o->type))
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"%s\" must be %s %s", path,
		    strchr("aeiou", *type) ? "an" : "a", type);
	if (o->allowed != NULL &&
	    (json_is_number(value)
		    ? !in_range(o->allowed, json_number_value(value))
		    : !is_allowed(o->allowed, json_string_value(value))))
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"%s\" must be %s%s", path,
		    json_is_number(value) ? "within " : "one of ", o->allowed);
	if (o->inside == NULL)
		return 0;
	if (o->type == JSON_OBJECT) {
		snprintf(quoted, sizeof(quoted), "\"%s\"", path);
		return check_keys(path, quoted, o->inside, value, e);
	}
	json_array_foreach(value, i, element)
	{
		snprintf(quoted, sizeof(quoted), "%s[%zu]", path, i);
		if (check_value(quoted, o->inside, element, e) != 0)
			return -1;
	}
	return 0;
}

/* `path` is empty at the top, where the format owns the keys. */
static int check_keys(const char *path, const char *owner,
    const struct encoder_option *options, const json_t *object, struct err *e)
{
	char below[PATH_MAX_BYTES];
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		const struct encoder_option *o = options;

		while (o->name != NULL && strcmp(o->name, "*") != 0 &&
		       strcmp(o->name, key) != 0)
			o++;
		if (o->name == NULL)
			return refuse_key(owner, options, key, e);
		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "",
		    key);
		if (check_value(below, o, value, e) != 0)
			return -1;
	}
	return 0;
}

int encoder_check_keys(
    const struct encoder_type *type, const json_t *options, struct err *e)
{
	return check_keys("", type->name, type->options, options, e);
}

int encoder_check_options(
    const struct encoder_type *type, const json_t *options, struct err *e)
{
	return encoder_check_keys(type, options, e) != 0 ||
		       chart_check_options(options, e) != 0
		   ? -1
		   : 0;
}

struct encoder *encoder_open(const struct encoder_type *type,
    const struct encoder_options *options, struct err *e)
{
	struct encoder *enc;

	if (encoder_check_options(type, options->options, e) != 0)
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

/* Takes the names that this section has from those not seen so far. */
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

/* Notes what a section lacks for the chart, until one has all of it. */
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
	/* An encoder that stopped half-way still looks at its layout. */
	layout = enc->layout;
	unseen = enc->unseen;
	free(enc->chart_lacks);
	free(enc->columns);
	enc->type->free(enc);
	layout_free(&layout);
	json_decref(unseen);
}
