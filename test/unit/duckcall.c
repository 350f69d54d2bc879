/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "source/source.h"

/*
 * Reads a query over files that a job brings along, for tests that check it
 * from outside:
 *
 *	duckcall LIBRARY RELATIONS SQL [BEFORE]
 *
 * The query BEFORE, if any, runs first; its first rows are read, the others are
 * left unread. RELATIONS is a JSON array of {"name", "format", "options",
 * "paths"}. Prints the names of the columns, then the rows, with a bar between
 * values. Exit code 1: the error is on standard error.
 */
#define MOST 8

static void read_relation(const json_t *from, struct source_relation *to)
{
	const json_t *paths = json_object_get(from, "paths");
	const char **list =
	    mem_zalloc((json_array_size(paths) + 1) * sizeof(*list));

	for (size_t i = 0; i < json_array_size(paths); i++)
		list[i] = json_string_value(json_array_get(paths, i));
	*to = (struct source_relation){.name = json_str(from, "name", ""),
	    .format = json_str(from, "format", ""),
	    .options = json_object_get(from, "options"),
	    .paths = list,
	    .path_count = (int)json_array_size(paths)};
}

static int print_rows(struct source *s, int columns, struct err *e)
{
	struct batch batch;
	int rc;

	while ((rc = source_next(s, &batch, e)) == 1) {
		for (int i = 0; i < batch.rows * columns; i++)
			printf("%s%c",
			    batch.values[i].len < 0 ? "-"
						    : batch.values[i].data,
			    i % columns == columns - 1 ? '\n' : '|');
	}
	return rc;
}

static int read_some(struct source *s, const char *sql, struct err *e)
{
	struct schema schema = {0};
	struct batch batch;
	int rc = source_query(s, sql, &schema, e);

	if (rc == 0 && source_next(s, &batch, e) != 1)
		rc = -1;
	schema_free(&schema);
	return rc;
}

static int run(struct source *s, const struct job_session *job, const char *sql,
    const char *before, struct err *e)
{
	struct schema schema = {0};
	int rc = -1;

	if (source_begin_job(s, job, e) == 0 &&
	    (before == NULL || read_some(s, before, e) == 0) &&
	    source_query(s, sql, &schema, e) == 0) {
		for (int i = 0; i < schema.count; i++)
			printf("%s%c", schema.columns[i].name,
			    i == schema.count - 1 ? '\n' : '|');
		rc = print_rows(s, schema.count, e);
	}
	schema_free(&schema);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct watch watch = {.check = NULL};
	struct source_relation relations[MOST];
	struct job_session job = {.time_zone = "UTC", .relations = relations};
	const struct source_type *type = source_type_named("duckdb");
	struct source_config *config = source_config_open(type, "test");
	json_t *list = argc >= 4 ? json_loads(argv[2], 0, NULL) : NULL;
	struct source *s;
	struct err e;
	int rc;

	if (list == NULL ||
	    key_set(source_type_key(type, "library"), config, argv[1], &e) != 0)
		return 2;
	for (size_t i = 0; i < json_array_size(list) && i < MOST; i++)
		read_relation(
		    json_array_get(list, i), &relations[job.relation_count++]);
	s = source_connect(
	    &(struct source_how){.config = config, .watch = &watch}, &e);
	rc = run(s, &job, argv[3], argv[4], &e);
	if (rc != 0)
		fprintf(stderr, "%s\n", e.text);
	source_close(s);
	source_config_free(config);
	for (int i = 0; i < job.relation_count; i++)
		free((void *)(uintptr_t)relations[i].paths);
	json_decref(list);
	return rc != 0;
}
