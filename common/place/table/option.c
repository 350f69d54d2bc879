/* SPDX-License-Identifier: MIT */
#include "place/table/option.h"

#include <string.h>

static const struct option_rule column[] = {
    {"*", JSON_STRING, "1..", "its name", NULL},
    OPTION_END,
};

static const struct option_rule inside[] = {
    {"mode", JSON_STRING, "append|replace|upsert",
	"what happens to the rows that are there; default append", NULL},
    {"key", JSON_ARRAY, "1..",
	"columns of a unique index: a row with the same key is updated",
	column},
    {"order_by", JSON_ARRAY, "1..",
	"of rows with the same key the first in this order wins, such as "
	"updated_at desc; without it such rows are an error",
	column},
    {"create", JSON_TRUE, NULL,
	"make the table when it is missing; default false", NULL},
    {"drift", JSON_STRING, "error|add",
	"what a column does that the table lacks; default error", NULL},
    {"into", JSON_STRING, NULL,
	"the table, when output_format names other formats as well", NULL},
    OPTION_END,
};

static const struct option_rule rules[] = {
    {"table", JSON_OBJECT, NULL, "how rows go into the table of a target",
	inside},
    OPTION_END,
};
const struct option_owner table_options = {"target", rules, NULL};

static bool is(const json_t *options, const char *name, const char *value)
{
	return strcmp(json_str(options, name, ""), value) == 0;
}

void table_choose(const json_t *options, struct table_choice *to)
{
	*to = (struct table_choice){
	    .mode = is(options, "mode", "replace")  ? TABLE_REPLACE
		    : is(options, "mode", "upsert") ? TABLE_UPSERT
						    : TABLE_APPEND,
	    .key = json_object_get(options, "key"),
	    .order_by = json_object_get(options, "order_by"),
	    .create = json_bool(options, "create", false),
	    .add = is(options, "drift", "add"),
	};
}

int table_check_options(const json_t *options, struct err *e)
{
	struct table_choice c;

	table_choose(options, &c);
	if (c.mode == TABLE_UPSERT && c.key == NULL)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"table\": the mode upsert needs \"key\", "
		    "the columns of a unique index");
	if (c.mode != TABLE_UPSERT && c.key != NULL && !c.create)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"table\": \"key\" is for the mode "
		    "upsert, or for \"create\"");
	if (c.mode != TABLE_UPSERT && c.order_by != NULL)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"table\": \"order_by\" is for the mode "
		    "upsert");
	return 0;
}
