/* SPDX-License-Identifier: MIT */
#include "encode/chart.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/encoder.h"

static const struct encoder_option value_name[] = {
    {"*", JSON_STRING, NULL, "a column's name", NULL},
    {NULL, JSON_NULL, NULL, NULL, NULL},
};

const struct encoder_option chart_options[] = {
    {"type", JSON_STRING, "line|bar|pie", "default: bar", NULL},
    {"category", JSON_STRING, NULL, "the column along the axis", NULL},
    {"values", JSON_ARRAY, NULL, "columns of numbers, one series each",
	value_name},
    {"title", JSON_STRING, NULL, "default: none", NULL},
    {"section", JSON_STRING, NULL,
	"the section to draw; default: each that has the columns", NULL},
    {NULL, JSON_NULL, NULL, NULL, NULL},
};

static enum chart_type type_named(const char *name)
{
	return strcmp(name, "line") == 0  ? CHART_LINE
	       : strcmp(name, "pie") == 0 ? CHART_PIE
					  : CHART_BAR;
}

static int column_named(const struct schema *schema, const char *name)
{
	for (int i = 0; i < schema->count; i++) {
		if (strcmp(schema->columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

static int check(const json_t *o, struct err *e)
{
	const json_t *values = json_object_get(o, "values");
	size_t count = json_array_size(values);
	bool pie = strcmp(json_str(o, "type", "bar"), "pie") == 0;

	if (*json_str(o, "category", "") == '\0' || count == 0)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"chart\" needs a \"category\", the name "
		    "of a column, and \"values\", a list of such names");
	if (pie && count > 1)
		return err_set(e, ERR_PERMANENT,
		    "output_options: a pie has room for one column of "
		    "\"values\", not for %zu",
		    count);
	return 0;
}

/* Index of a column that the chart names: -1 when the section has none, which is
 * *wrong when the chart is for this section alone. */
static int find(const struct section *section, const json_t *o,
    const char *name, bool *wrong, struct err *e)
{
	int i = column_named(section->schema, name);

	if (i >= 0 || json_object_get(o, "section") == NULL)
		return i;
	*wrong = true;
	return err_set(e, ERR_PERMANENT,
	    "output_options: \"chart\" names the column \"%s\", which section "
	    "\"%s\" does not have",
	    name, section->name);
}

static bool is_number(enum column_kind kind)
{
	return kind == KIND_INTEGER || kind == KIND_DECIMAL ||
	       kind == KIND_FLOAT;
}

static bool is_for(const json_t *o, const struct section *section)
{
	const char *name = json_str(o, "section", NULL);

	return name == NULL ||
	       (section->name != NULL && strcmp(name, section->name) == 0);
}

int chart_open(struct chart_option *chart, const json_t *options,
    const struct section *section, struct err *e)
{
	const json_t *o = json_object_get(options, "chart"), *name;
	const json_t *values = json_object_get(o, "values");
	bool wrong = false;
	int *columns;
	size_t i;

	*chart = (struct chart_option){0};
	if (o == NULL)
		return 0;
	if (check(o, e) != 0)
		return -1;
	if (!is_for(o, section))
		return 0;
	chart->type = type_named(json_str(o, "type", "bar"));
	chart->title = json_str(o, "title", NULL);
	chart->category =
	    find(section, o, json_str(o, "category", ""), &wrong, e);
	if (chart->category < 0)
		return wrong ? -1 : 0;
	columns = mem_alloc(json_array_size(values) * sizeof(*columns));
	chart->values = columns;
	json_array_foreach(values, i, name)
	{
		const char *s = json_string_value(name);

		columns[i] = find(section, o, s ? s : "", &wrong, e);
		if (columns[i] < 0)
			goto none;
		if (is_number(section->schema->columns[columns[i]].kind))
			continue;
		wrong = true;
		err_set(e, ERR_PERMANENT,
		    "output_options: \"chart\" cannot draw the column \"%s\": "
		    "it holds no numbers",
		    s);
		goto none;
	}
	chart->count = (int)i;
	return 1;
none:
	chart_close(chart);
	return wrong ? -1 : 0;
}

void chart_close(struct chart_option *chart)
{
	free((void *)(uintptr_t)chart->values);
	*chart = (struct chart_option){0};
}
