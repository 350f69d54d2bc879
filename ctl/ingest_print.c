/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl/ingest.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/table.h"

static const json_t *object_with(
    const json_t *list, const char *key, const char *value)
{
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, one)
	{
		if (strcmp(json_str(one, key, ""), value) == 0)
			return one;
	}
	return NULL;
}

/* Says whether a change of this column of report_config follows from the
 * drift that is told beside it, or from that of another table of the same
 * report. */
static bool follows(const struct ingest *in, const char *column, bool drift)
{
	static const char *const of_tables[] = {
	    "checks", "export_sql", "parameters", "output_options", NULL};

	return (drift || in->together) &&
	       options_word(of_tables, column) != NULL;
}

/* Returns the drift of a table, and the names of the columns of its report
 * that change. */
static char *change_of(
    const struct ingest *in, const json_t *report, const json_t *table)
{
	const char *drift = json_str(table, "drift", NULL);
	const char *state = json_str(report, "state", "same"), *name;
	char *text = mem_strdup(drift ? drift : "");
	json_t *unused;

	if (strcmp(state, "changed") != 0)
		return text;
	json_object_foreach(json_object_get(report, "changes"), name, unused)
	{
		char *longer;

		(void)unused;
		if (follows(in, name, drift != NULL))
			continue;
		longer = mem_printf("%s%s%s", text, *text ? ", " : "", name);
		free(text);
		text = longer;
	}
	return text;
}

static json_t *list_of(const struct ingest *in, const json_t *plan,
    const struct ingest_table *tables, int count)
{
	const json_t *reports = json_object_get(plan, "reports");
	const json_t *stored = json_object_get(plan, "tables");
	json_t *list = json_array(), *one;
	size_t i;

	for (int k = 0; k < count; k++) {
		char *key =
		    ingest_key(in, in->together ? NULL : tables[k].name);
		const json_t *report = object_with(reports, "key", key);
		const json_t *table =
		    object_with(stored, "table", tables[k].name);
		const char *state = json_str(report, "state", "");
		char *change = change_of(in, report, table);

		if (in->together && table != NULL &&
		    strcmp(state, "paused") != 0)
			state = json_str(table, "state", state);
		if (strcmp(state, "same") == 0 && *change != '\0')
			state = "changed";
		json_array_append_new(
		    list, json_pack("{ss ss ss ss ss}", "table", tables[k].name,
			      "read", tables[k].how, "report", key, "state",
			      state, "change", change));
		free(change);
		free(key);
	}
	json_array_foreach((json_t *)(uintptr_t)stored, i, one)
	{
		if (strcmp(json_str(one, "state", ""), "gone") == 0)
			json_array_append_new(
			    list, json_pack("{ss ss ss ss ss}", "table",
				      json_str(one, "table", ""), "read", "",
				      "report", "", "state", "gone", "change",
				      "not copied any more"));
	}
	return list;
}

static int count_state(const json_t *reports, const char *state)
{
	json_t *one;
	size_t i;
	int n = 0;

	json_array_foreach((json_t *)(uintptr_t)reports, i, one) n +=
	    strcmp(json_str(one, "state", ""), state) == 0;
	return n;
}

static void print_paused(const json_t *report)
{
	const char *key = json_str(report, "key", "");

	if (strcmp(json_str(report, "state", ""), "paused") == 0)
		printf("report %s stays as it is: it is paused, and its change "
		       "needs a run from the first row; use `reportctl resume "
		       "%s`, then run this command again\n",
		    key, key);
	else if (!json_bool(report, "is_active", true))
		printf("report %s is paused; `reportctl resume %s` runs it\n",
		    key, key);
}

void ingest_print(struct ctl *c, const struct ingest *in, const json_t *plan,
    const struct ingest_table *tables, int count)
{
	static const struct table_column columns[] = {
	    {"TABLE", "table", TABLE_TEXT, NULL},
	    {"READ", "read", TABLE_TEXT, NULL},
	    {"REPORT", "report", TABLE_TEXT, NULL},
	    {"STATE", "state", TABLE_TEXT, NULL},
	    {"CHANGE", "change", TABLE_TEXT, NULL},
	    {NULL, NULL, TABLE_TEXT, NULL},
	};
	const json_t *reports = json_object_get(plan, "reports");
	json_t *list = list_of(in, plan, tables, count), *one;
	size_t i;

	if (c->json) {
		connect_print_json(json_pack("{sb so sO}", "applied",
		    !in->dry_run, "tables", list, "reports", reports));
		return;
	}
	table_print(stdout, columns, list, options_columns());
	json_decref(list);
	printf("%d new, %d changed, %d to be paused, %d as they are%s\n",
	    count_state(reports, "new"), count_state(reports, "changed"),
	    count_state(reports, "gone"),
	    count_state(reports, "same") + count_state(reports, "paused"),
	    in->dry_run ? "; nothing was done" : "");
	json_array_foreach((json_t *)(uintptr_t)reports, i, one)
	{
		print_paused(one);
	}
}
