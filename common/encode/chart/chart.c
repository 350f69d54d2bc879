/* SPDX-License-Identifier: MIT */
#include "encode/chart/chart.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/encoder.h"

static const struct option_rule value_name[] = {
    {"*", JSON_STRING, "1..", "a column's name", NULL},
    OPTION_END,
};

static const struct option_rule inside[] = {
    {"type", JSON_STRING, "line|bar|pie", "default: bar", NULL},
    {"category", JSON_STRING, "1..", "the column along the axis", NULL},
    {"values", JSON_ARRAY, "1..", "columns of numbers, one series each",
	value_name},
    {"title", JSON_STRING, NULL, "default: none", NULL},
    {"section", JSON_STRING, NULL,
	"the section to draw; default: each that has the columns", NULL},
    OPTION_END,
};

static const struct option_rule rules[] = {
    {"chart", JSON_OBJECT, NULL, "a chart of each section that has its columns",
	inside},
    OPTION_END,
};
static int check(const json_t *options, struct err *e);
const struct option_owner chart_options = {"chart", rules, check};

static enum chart_type type_named(const char *name)
{
	return strcmp(name, "line") == 0  ? CHART_LINE
	       : strcmp(name, "pie") == 0 ? CHART_PIE
					  : CHART_BAR;
}

static int check_section(const json_t *options, struct err *e)
{
	const json_t *sections = json_object_get(options, "sections"), *one;
	const char *name =
	    json_str(json_object_get(options, "chart"), "section", NULL);
	struct buf known;
	size_t i;

	if (name == NULL)
		return 0;
	buf_init(&known, 4096);
	json_array_foreach(sections, i, one)
	{
		const char *s = json_string_value(one);

		if (s != NULL && strcmp(s, name) == 0) {
			buf_free(&known);
			return 0;
		}
		buf_printf(&known, "%s%s", known.len ? ", " : ": ", s ? s : "");
	}
	err_set(e, ERR_PERMANENT,
	    "output_options: \"chart\" names the section \"%s\", which is not "
	    "one of \"sections\"%s",
	    name, known.len ? known.data : "");
	buf_free(&known);
	return -1;
}

static int check_values(const json_t *values, struct err *e)
{
	json_t *seen = json_object();
	const json_t *one;
	size_t i;
	int rc = 0;

	json_array_foreach(values, i, one)
	{
		const char *name = json_string_value(one);

		if (rc == 0 && json_object_get(seen, name) != NULL)
			rc = err_set(e, ERR_PERMANENT,
			    "output_options: \"chart.values\" has \"%s\" "
			    "twice",
			    name);
		json_object_set_new(seen, name, json_true());
	}
	json_decref(seen);
	return rc;
}

static int check(const json_t *options, struct err *e)
{
	const json_t *o = json_object_get(options, "chart");
	size_t count = json_array_size(json_object_get(o, "values"));
	bool pie = strcmp(json_str(o, "type", "bar"), "pie") == 0;

	if (o == NULL)
		return 0;
	if (*json_str(o, "category", "") == '\0' || count == 0)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"chart\" needs a \"category\", the name "
		    "of a column, and \"values\", a list of such names");
	if (pie && count > 1)
		return err_set(e, ERR_PERMANENT,
		    "output_options: a pie has room for one column of "
		    "\"values\", not for %zu",
		    count);
	return check_values(json_object_get(o, "values"), e) != 0
		   ? -1
		   : check_section(options, e);
}

const char *chart_lacks(const json_t *options, const struct section *section)
{
	const json_t *o = json_object_get(options, "chart"), *value;
	const char *name = json_str(o, "category", "");
	size_t i;

	if (o == NULL)
		return NULL;
	if (schema_find(section->schema, name) < 0)
		return name;
	json_array_foreach(json_object_get(o, "values"), i, value)
	{
		name = json_string_value(value);
		if (name != NULL && schema_find(section->schema, name) < 0)
			return name;
	}
	return NULL;
}

static bool is_for(const json_t *o, const struct section *section)
{
	const char *name = json_str(o, "section", NULL);

	return name == NULL ||
	       (section->name != NULL && strcmp(name, section->name) == 0);
}

/* Fills the series of the chart. The section has all of its columns. */
static int take_values(struct chart_option *chart, const json_t *values,
    const struct schema *schema, struct err *e)
{
	int *columns = mem_alloc(json_array_size(values) * sizeof(*columns));
	const json_t *value;
	size_t i;

	chart->values = columns;
	json_array_foreach(values, i, value)
	{
		const char *name = json_string_value(value);

		columns[i] = schema_find(schema, name);
		if (!kind_is_number(schema->columns[columns[i]].kind))
			return err_set(e, ERR_PERMANENT,
			    "output_options: \"chart\" cannot draw the column "
			    "\"%s\": it holds no numbers",
			    name);
	}
	chart->count = (int)i;
	return 0;
}

int chart_open(struct chart_option *chart, const json_t *options,
    const struct section *section, struct err *e)
{
	const json_t *o = json_object_get(options, "chart");
	const char *lacks = chart_lacks(options, section);
	char *known;

	*chart = (struct chart_option){0};
	if (o == NULL || !is_for(o, section))
		return 0;
	if (lacks != NULL && json_object_get(o, "section") != NULL) {
		known = schema_names(section->schema);
		err_set(e, ERR_PERMANENT,
		    "output_options: \"chart\" names the column \"%s\", which "
		    "section \"%s\" does not have; its columns: %s",
		    lacks, section->name, known);
		free(known);
		return -1;
	}
	if (lacks != NULL)
		return 0;
	chart->type = type_named(json_str(o, "type", "bar"));
	chart->title = json_str(o, "title", NULL);
	chart->category =
	    schema_find(section->schema, json_str(o, "category", ""));
	if (take_values(
		chart, json_object_get(o, "values"), section->schema, e) == 0)
		return 1;
	chart_close(chart);
	return -1;
}

void chart_close(struct chart_option *chart)
{
	free((void *)(uintptr_t)chart->values);
	*chart = (struct chart_option){0};
}

int chart_check_value(enum chart_type type, const struct column *column,
    const struct value *v, const struct value *category, struct err *e)
{
	if (type != CHART_PIE || v->len <= 0 ||
	    (*v->data != '-' && column->kind != KIND_MONEY) ||
	    !(chart_number(column, v) < 0))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "chart: a pie has no place for the negative value %.*s of "
	    "\"%.*s\": draw bars, or leave such rows out",
	    v->len < 40 ? v->len : 40, v->data,
	    category->len < 0     ? 0
	    : category->len < 100 ? category->len
				  : 100,
	    category->len < 0 ? "" : category->data);
}
