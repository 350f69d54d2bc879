/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "inbox/statement.h"

json_t *inbox_list_columns(const struct inbox *inbox, struct err *e)
{
	struct statement_text t = statement_begin(inbox, e);
	struct statement_rows r = {.at = 0};
	json_t *names = NULL;
	int rc;

	statement_add(&t, "select * from ");
	statement_table(&t);
	statement_add(&t, " where 1 = 0");
	rc = statement_end(&t);
	if (rc == 0)
		rc = source_query(inbox->source, t.out.data, &r.schema, e);
	if (rc == 0) {
		while ((rc = statement_next(inbox, &r, e)) == 1)
			;
		source_query_end(inbox->source);
	}
	if (rc == 0)
		names = json_array();
	for (int i = 0; rc == 0 && i < r.schema.count; i++)
		json_array_append_new(
		    names, json_string(r.schema.columns[i].name));
	schema_free(&r.schema);
	buf_free(&t.out);
	return names;
}

/* The table's name has up to three parts; information_schema is one of the first. */
static void write_lengths(struct statement_text *t)
{
	char *copy = mem_strdup(t->inbox->table), *rest = copy;
	char *parts[3] = {NULL};
	int n = 0;

	for (char *one; n < 3 && (one = strsep(&rest, ".")) != NULL;)
		parts[n++] = one;
	statement_add(t, "select cast(column_name as varchar), "
			 "cast(character_maximum_length as varchar) from ");
	if (n == 3) {
		statement_quoted(t, parts[0], true);
		statement_add(t, ".");
	}
	statement_add(t, "information_schema.columns where table_name = ");
	statement_quoted(t, parts[n - 1], false);
	statement_add(t, " and table_schema = ");
	if (n > 1)
		statement_quoted(t, parts[n - 2], false);
	else
		statement_add(t, "current_schema()");
	statement_add(t, " and character_maximum_length is not null");
	free(copy);
}

json_t *inbox_list_lengths(const struct inbox *inbox, struct err *e)
{
	struct statement_text t = statement_begin(inbox, e);
	struct statement_rows r = {.at = 0};
	json_t *lengths = NULL;
	int rc;

	write_lengths(&t);
	rc = statement_end(&t);
	if (rc == 0)
		rc = source_query(inbox->source, t.out.data, &r.schema, e);
	if (rc == 0) {
		lengths = json_object();
		while ((rc = statement_next(inbox, &r, e)) == 1) {
			if (r.row[0].len > 0 && r.row[1].len > 0)
				json_object_set_new(lengths, r.row[0].data,
				    json_integer(atoll(r.row[1].data)));
		}
		source_query_end(inbox->source);
	}
	if (rc != 0)
		json_decref(lengths);
	schema_free(&r.schema);
	buf_free(&t.out);
	return rc == 0 ? lengths : NULL;
}
