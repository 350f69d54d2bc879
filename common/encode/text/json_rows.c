/* SPDX-License-Identifier: MIT */
#include "encode/text/json_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/text/json_check.h"
#include "encode/text/json_value.h"
#include "encode/text/out.h"

/* Enough for the names of 1,664 columns of 63 bytes, all of them escaped;
 * labels may be longer. */
#define LEADS_MAX ((size_t)4 << 20)
/* A field of PostgreSQL has at most 1 GB. */
#define VALUE_MAX ((size_t)1 << 30)

struct json_rows {
	struct encoder base;
	struct out out;
	struct json_style style;
	struct array_reader reader;
	struct json_mended mended;
	char remark[JSON_REMARK];
	const struct schema *schema;
	bool lines;      /* the format is JSONL */
	bool arrays;     /* rows are arrays, not objects */
	bool named;      /* JSON: the document is an object of sections */
	bool first;      /* this section has no row yet */
	int64_t rows;    /* rows of this section */
	json_t *names;   /* names of the sections so far */
	struct buf lead; /* text before each value: {"id": ,"name": */
	size_t *lead_end;
};

static struct encoder *rows_open(const struct encoder_options *o, bool lines)
{
	struct json_rows *j = mem_zalloc(sizeof(*j));
	const json_t *from = o->options;

	j->lines = lines;
	j->arrays = strcmp(json_str(from, "shape", "objects"), "arrays") == 0;
	j->style = (struct json_style){
	    .text_integers =
		strcmp(json_str(from, "big_integers", ""), "string") == 0,
	    .text_decimals =
		strcmp(json_str(from, "decimals", ""), "string") == 0,
	    .null_numbers =
		strcmp(json_str(from, "not_finite", ""), "null") == 0,
	    .text_intervals =
		strcmp(json_str(from, "intervals", ""), "text") == 0,
	    .hex = strcmp(json_str(from, "bytes", ""), "hex") == 0,
	    .reader = &j->reader,
	    .mended = &j->mended,
	};
	buf_init(&j->mended.text, VALUE_MAX);
	j->names = json_object();
	array_open(&j->reader, &(struct value){"", 0});
	buf_init(&j->lead, LEADS_MAX);
	out_open(&j->out, o->sink);
	return &j->base;
}

static struct encoder *json_open(const struct encoder_options *o, struct err *e)
{
	(void)e;
	return rows_open(o, false);
}

static struct encoder *jsonl_open(
    const struct encoder_options *o, struct err *e)
{
	(void)e;
	return rows_open(o, true);
}

static void json_free(struct encoder *enc)
{
	struct json_rows *j = (struct json_rows *)enc;

	out_close(&j->out);
	array_close(&j->reader);
	buf_free(&j->mended.text);
	buf_free(&j->lead);
	free(j->lead_end);
	json_decref(j->names);
	free(j);
}

/* Appends a name as a JSON string, with quotes. */
static void add_name(struct buf *b, const char *name)
{
	json_t *string = json_string(name);
	char *text = json_dumps(string, JSON_ENCODE_ANY);

	buf_str(b, text != NULL ? text : "\"\"");
	free(text);
	json_decref(string);
}

static int check_labels(const struct layout *layout, struct err *e)
{
	json_t *seen = json_object();
	int rc = 0;

	for (int i = 0; rc == 0 && i < layout->count; i++) {
		const char *label = layout->columns[i].label;

		if (json_object_get(seen, label) != NULL)
			rc = err_set(e, ERR_PERMANENT,
			    "JSON: two columns are named \"%s\"; give them "
			    "names of their own in the query (AS), or write "
			    "rows as arrays (\"shape\": \"arrays\")",
			    label);
		json_object_set_new(seen, label, json_true());
	}
	json_decref(seen);
	return rc;
}

static int prepare_leads(
    struct json_rows *j, const struct layout *layout, struct err *e)
{
	j->lead_end = mem_realloc(
	    j->lead_end, (size_t)layout->count + 1, sizeof(*j->lead_end));
	buf_clear(&j->lead);
	for (int i = 0; i < layout->count; i++) {
		if (i > 0)
			buf_char(&j->lead, ',');
		else
			buf_char(&j->lead, j->arrays ? '[' : '{');
		if (!j->arrays) {
			add_name(&j->lead, layout->columns[i].label);
			buf_char(&j->lead, ':');
		}
		j->lead_end[i] = j->lead.len;
	}
	if (j->lead.overflow)
		return err_set(e, ERR_PERMANENT,
		    "JSON: the names of columns are too long");
	return 0;
}

static void add_text(struct json_rows *j, const char *text)
{
	json_text_add(&j->out, text, strlen(text));
}

/* Writes the names of the columns: ["id","name"] */
static void add_header(struct json_rows *j, const struct layout *layout)
{
	out_char(&j->out, '[');
	for (int i = 0; i < layout->count; i++) {
		if (i > 0)
			out_char(&j->out, ',');
		add_text(j, layout->columns[i].label);
	}
	out_char(&j->out, ']');
}

/* Begins the member that this section is in the document. Two sections of one
 * name are refused. */
static int add_member(
    struct json_rows *j, const struct section *section, struct err *e)
{
	char number[32];
	const char *name = section->name;

	snprintf(number, sizeof(number), "result_%d", j->base.sections);
	if (name == NULL)
		name = number;
	if (json_object_get(j->names, name) != NULL)
		return err_set(e, ERR_PERMANENT,
		    "JSON: two sections are named \"%s\"", name);
	json_object_set_new(j->names, name, json_true());
	out_str(&j->out, j->base.sections == 1 ? "{\n" : ",\n");
	add_text(j, name);
	out_char(&j->out, ':');
	return 0;
}

static int json_begin(
    struct encoder *enc, const struct section *section, struct err *e)
{
	struct json_rows *j = (struct json_rows *)enc;

	j->schema = section->schema;
	j->first = true;
	j->rows = 0;
	if (!j->arrays && check_labels(&enc->layout, e) != 0)
		return -1;
	if (prepare_leads(j, &enc->layout, e) != 0)
		return -1;
	if (enc->sections == 1)
		j->named = !j->lines &&
			   (enc->expected > 1 ||
			       (enc->expected == 0 && section->name != NULL));
	else if (!j->named)
		return err_set(e, ERR_PERMANENT,
		    "%s: the output holds the result of one query only",
		    enc->type->name);
	if (j->named && add_member(j, section, e) != 0)
		return -1;
	if (j->arrays) {
		if (!j->lines)
			out_str(&j->out, "{\"columns\":");
		add_header(j, &enc->layout);
		out_str(&j->out, j->lines ? "\n" : ",\"rows\":");
	}
	if (!j->lines)
		out_char(&j->out, '[');
	return 0;
}

static int add_row(struct json_rows *j, const struct value *v, struct err *e)
{
	const struct column *columns = j->schema->columns;
	int count = j->schema->count;
	size_t from = 0;

	for (int i = 0; i < count; i++) {
		out_add(&j->out, j->lead.data + from, j->lead_end[i] - from);
		from = j->lead_end[i];
		if (json_value_add(&j->out, &j->style, columns + i, v + i, e) !=
		    0)
			return err_wrap(e, "row %" PRId64 ", column \"%s\"",
			    j->rows, columns[i].name);
	}
	if (count == 0)
		out_char(&j->out, j->arrays ? '[' : '{');
	out_char(&j->out, j->arrays ? ']' : '}');
	return 0;
}

static int json_rows(
    struct encoder *enc, const struct batch *batch, struct err *e)
{
	struct json_rows *j = (struct json_rows *)enc;
	const struct value *v = batch->values;

	for (int row = 0; row < batch->rows; row++, v += j->schema->count) {
		if (!j->lines)
			out_str(&j->out, j->first ? "\n" : ",\n");
		j->first = false;
		j->rows++;
		if (add_row(j, v, e) != 0)
			return -1;
		if (j->lines)
			out_char(&j->out, '\n');
	}
	return out_check(&j->out, e);
}

static int json_end(struct encoder *enc, struct err *e)
{
	struct json_rows *j = (struct json_rows *)enc;

	if (!j->lines)
		out_str(&j->out, j->arrays ? "\n]}" : "\n]");
	return out_check(&j->out, e);
}

static int json_finish(struct encoder *enc, struct err *e)
{
	struct json_rows *j = (struct json_rows *)enc;

	if (!j->lines)
		out_str(&j->out, j->named ? "\n}\n" : "\n");
	return out_flush(&j->out, e);
}

static const char *json_remarks(struct encoder *enc)
{
	struct json_rows *j = (struct json_rows *)enc;

	return json_remark(j->remark, j->mended.halves);
}

static const struct option_rule json_own[] = {
    {"shape", JSON_STRING, "objects|arrays",
	"a row as an object by column names, or as an array; default objects",
	NULL},
    {"big_integers", JSON_STRING, "number|string",
	"integers past 2^53 - 1, which JavaScript rounds; default number",
	NULL},
    {"decimals", JSON_STRING, "number|string",
	"all values of numeric columns; default number", NULL},
    {"not_finite", JSON_STRING, "string|null",
	"NaN, Infinity and -Infinity, which JSON has no numbers for; default "
	"string",
	NULL},
    {"intervals", JSON_STRING, "iso8601|text",
	"P1DT2H or 1 day 02:00:00; default iso8601", NULL},
    {"bytes", JSON_STRING, "base64|hex", "bytea; default base64", NULL},
    OPTION_END,
};
static const struct option_owner json_options = {"JSON", json_own, NULL};

const struct encoder_type encoder_json = {
    .name = "JSON",
    .extension = "json",
    .media_type = "application/json",
    .text = true,
    .options = {&json_options, &layout_label_options},
    .open = json_open,
    .begin = json_begin,
    .rows = json_rows,
    .end = json_end,
    .finish = json_finish,
    .free = json_free,
    .remark = json_remarks,
};

const struct encoder_type encoder_jsonl = {
    .name = "JSONL",
    .extension = "jsonl",
    .media_type = "application/jsonl",
    .one_section = true,
    .text = true,
    .unload = true,
    .options = {&json_options, &layout_label_options},
    .open = jsonl_open,
    .begin = json_begin,
    .rows = json_rows,
    .end = json_end,
    .finish = json_finish,
    .free = json_free,
    .remark = json_remarks,
};
