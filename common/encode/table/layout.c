/* SPDX-License-Identifier: MIT */
#include "encode/table/layout.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/table/format.h"

static const struct option_rule shown[] = {
    {"label", JSON_STRING, NULL, "what stands above it; default its name",
	NULL},
    {"format", JSON_STRING, NULL,
	"a number format code as in Excel: #,##0.00 or dd.mm.yyyy", NULL},
    {"width", JSON_REAL, "1..255", "in characters; default by the content",
	NULL},
    {"align", JSON_STRING, "left|center|right", "default by the type", NULL},
    {"total", JSON_STRING, "sum|avg|count|min|max", "default none", NULL},
    OPTION_END,
};
static const struct option_rule any_column[] = {
    {"*", JSON_OBJECT, NULL, "how the column of that name is shown", shown},
    OPTION_END,
};

static const struct option_rule named[] = {
    {"label", JSON_STRING, NULL, "its name in the output", NULL},
    OPTION_END,
};
static const struct option_rule named_column[] = {
    {"*", JSON_OBJECT, NULL, "the column of that name", named},
    OPTION_END,
};

static const struct option_rule table[] = {
    {"title", JSON_STRING, NULL, "default: the report's name", NULL},
    {"columns", JSON_OBJECT, NULL,
	"by column name: label, format, width, align, total", any_column},
    OPTION_END,
};

/* Opens the format of a column; NULL with *e. */
static struct format *open_format(
    const char *code, const char *column, struct err *e)
{
	struct format *f = format_open(code, e);

	if (f == NULL)
		err_wrap(e, "output_options: \"columns.%s.format\"", column);
	return f;
}

/* Checks the formats of all columns, also of those that no result has. */
static int check_options(const json_t *options, struct err *e)
{
	const char *name;
	json_t *column;

	json_object_foreach(json_object_get(options, "columns"), name, column)
	{
		const char *code = json_str(column, "format", NULL);
		struct format *f = code ? open_format(code, name, e) : NULL;

		if (code != NULL && f == NULL)
			return -1;
		format_close(f);
	}
	return 0;
}

const struct option_owner layout_options = {"table", table, check_options};

static const struct option_rule labels[] = {
    {"columns", JSON_OBJECT, NULL,
	"by column name: label, its name in the output", named_column},
    OPTION_END,
};
const struct option_owner layout_label_options = {"labels", labels, NULL};

/* Returns the index of `word` in `names`, or `otherwise`. */
static int place_of(
    const char *word, const char *const *names, int count, int otherwise)
{
	for (int i = 0; word != NULL && i < count; i++) {
		if (strcmp(names[i], word) == 0)
			return i;
	}
	return otherwise;
}

static bool can_add(enum column_kind kind)
{
	return kind_is_number(kind) || kind == KIND_INTERVAL;
}

static enum align align_of(const char *word, enum column_kind kind)
{
	static const char *const names[] = {
	    [ALIGN_LEFT] = "left",
	    [ALIGN_CENTER] = "center",
	    [ALIGN_RIGHT] = "right",
	};
	enum align usual = can_add(kind)          ? ALIGN_RIGHT
			   : kind == KIND_BOOLEAN ? ALIGN_CENTER
						  : ALIGN_LEFT;

	return (enum align)place_of(word, names, 3, (int)usual);
}

static const char *const totals[] = {
    [TOTAL_NONE] = "",
    [TOTAL_SUM] = "sum",
    [TOTAL_AVG] = "avg",
    [TOTAL_COUNT] = "count",
    [TOTAL_MIN] = "min",
    [TOTAL_MAX] = "max",
};

static bool can_total(enum total total, enum column_kind kind)
{
	switch (total) {
	case TOTAL_SUM:
	case TOTAL_AVG:
		return can_add(kind);
	case TOTAL_MIN:
	case TOTAL_MAX:
		return can_add(kind) || kind_is_moment(kind);
	default:
		return true;
	}
}

/* Returns what a code shows that values of this kind do not have; NULL when
 * code and values fit. A text fits any code, as it is shown unchanged. */
static const char *misfit(enum format_use use, enum column_kind kind)
{
	bool of_day = kind == KIND_TIME || kind == KIND_TIMETZ;

	if (kind_is_number(kind))
		return use >= FORMAT_DATES ? "shows a date or time" : NULL;
	if (!kind_is_moment(kind) && kind != KIND_INTERVAL)
		return NULL;
	if (use == FORMAT_NUMBERS)
		return "shows a number";
	if (use == FORMAT_DATES && (of_day || kind == KIND_INTERVAL))
		return "shows a day";
	if (use == FORMAT_DURATIONS && !of_day && kind != KIND_INTERVAL)
		return "shows how long something is";
	return NULL;
}

static int check_format(
    const char *code, const struct column *column, struct err *e)
{
	struct format *f = open_format(code, column->name, e);
	const char *wrong;

	if (f == NULL)
		return -1;
	wrong = misfit(format_use(f), column->kind);
	format_close(f);
	if (wrong != NULL)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"columns.%s.format\": \"%s\" %s, which "
		    "the values of this column do not have",
		    column->name, code, wrong);
	return 0;
}

static int check(
    const struct column_layout *c, const struct column *column, struct err *e)
{
	if (!can_total(c->total, column->kind))
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"columns.%s.total\": there is no %s of a "
		    "column that holds no numbers%s or intervals",
		    column->name, totals[c->total],
		    c->total >= TOTAL_MIN ? ", dates, times" : "");
	return c->format == NULL ? 0 : check_format(c->format, column, e);
}

int layout_open(struct layout *layout, const json_t *options,
    const struct schema *schema, struct err *e)
{
	const json_t *columns = json_object_get(options, "columns");

	*layout = (struct layout){.count = schema->count};
	layout->columns =
	    mem_zalloc((size_t)schema->count * sizeof(*layout->columns) + 1);
	for (int i = 0; i < schema->count; i++) {
		struct column *column = &schema->columns[i];
		const json_t *o = json_object_get(columns, column->name);
		struct column_layout *c = &layout->columns[i];

		c->label = json_str(o, "label", column->name);
		c->format = json_str(o, "format", NULL);
		c->width = json_number_value(json_object_get(o, "width"));
		c->align = align_of(json_str(o, "align", NULL), column->kind);
		c->total = (enum total)place_of(
		    json_str(o, "total", NULL), totals, 6, TOTAL_NONE);
		layout->totals |= c->total != TOTAL_NONE;
		if (check(c, column, e) != 0) {
			layout_free(layout);
			return -1;
		}
	}
	return 0;
}

const char *layout_total_word(enum total total)
{
	static const char *const words[] = {
	    [TOTAL_NONE] = "",
	    [TOTAL_SUM] = "",
	    [TOTAL_AVG] = "avg",
	    [TOTAL_COUNT] = "count",
	    [TOTAL_MIN] = "min",
	    [TOTAL_MAX] = "max",
	};

	return words[total];
}

int layout_total_place(const struct layout *layout)
{
	for (int i = 0; i < layout->count; i++) {
		if (layout->columns[i].total == TOTAL_NONE)
			return i;
	}
	return 0;
}

void layout_free(struct layout *layout)
{
	free(layout->columns);
	*layout = (struct layout){0};
}
