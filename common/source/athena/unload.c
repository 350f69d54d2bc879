/* SPDX-License-Identifier: MIT */
#include "source/athena/unload.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/athena/session.h"
#include "source/athena/statement.h"
#include "source/dialect.h"

/* Bytes of a list of objects: some 150 for each. */
#define LIST_MAX ((size_t)4 << 20)

static const char *unload_to(const struct source *s)
{
	return ((const struct athena_config *)s->config)->unload_to;
}

static int unload_check(
    const struct source *s, const struct source_unload *u, struct err *e)
{
	(void)s;
	return dialect_is_query(u->sql)
		   ? 0
		   : err_set(e, ERR_PERMANENT,
			 "unload: the statement is no query: %.60s", u->sql);
}

static int make_statement(
    const struct source_unload *u, struct buf *sql, struct err *e)
{
	if (u->kms_key != NULL)
		return err_set(e, ERR_PERMANENT,
		    "unload: Athena encrypts as the bucket says, and not with "
		    "the kms_key of [s3]; make that key the bucket's default "
		    "and leave kms_key out");
	buf_str(sql, "unload (");
	if (dialect_one(u->sql, "\n) to ", sql, e) != 0)
		return -1;
	statement_quote(u->to, false, sql);
	buf_str(sql, " with (format = 'PARQUET', compression = 'SNAPPY')");
	return dialect_check_length(sql, e);
}

/* ---- the objects ---- */

static char *read_all(
    const struct athena *a, const char *address, struct err *e)
{
	const struct source_files *files = a->reach.files;
	int64_t size = 0;
	void *file = files->open(a->reach.arg, address, &size, e);
	char *text = NULL;
	int rc = -1;

	if (file == NULL)
		return NULL;
	if (size > (int64_t)LIST_MAX) {
		err_set(e, ERR_PERMANENT,
		    "%s is longer than %zu bytes; select less", address,
		    LIST_MAX);
	} else {
		text = mem_zalloc((size_t)size + 1);
		rc = files->read(file, 0, text, (size_t)size, e);
	}
	files->close(file);
	if (rc == 0)
		return text;
	if (rc == 1)
		err_set(e, ERR_TRANSIENT, "%s was changed while it was read",
		    address);
	free(text);
	return NULL;
}

/* One address a line, without a header. */
static json_t *split_lines(char *text)
{
	json_t *all = json_array();
	char *rest = NULL;

	for (char *line = strtok_r(text, "\r\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\r\n", &rest)) {
		size_t len = strlen(line);
		bool quoted = len > 1 && line[0] == '"' && line[len - 1] == '"';

		json_array_append_new(
		    all, json_stringn(line + quoted, len - 2 * (size_t)quoted));
	}
	return all;
}

/* A result of no rows has no objects, and may have no list of them. */
static json_t *list_of(
    const struct athena *a, const json_t *execution, struct err *e)
{
	const char *address = json_str(json_object_get(execution, "Statistics"),
	    "DataManifestLocation", NULL);
	char *text;
	json_t *all;

	if (address == NULL)
		return json_array();
	text = read_all(a, address, e);
	if (text == NULL)
		return NULL;
	all = split_lines(text);
	free(text);
	return all;
}

static int unload_run(struct source *s, const struct source_unload *u,
    struct source_unloaded *done, struct err *e)
{
	struct athena *a = as_athena(s);
	json_t *execution = NULL;
	struct buf sql;

	buf_init(&sql, SOURCE_WRAP_MAX);
	if (make_statement(u, &sql, e) == 0)
		execution = athena_run(a, sql.data, e);
	buf_free(&sql);
	if (execution == NULL) {
		if (strcmp(e->sqlstate, "42000") == 0)
			err_hint(e, "of the types, Athena unloads no time, "
				    "timestamp with time zone, uuid and "
				    "interval: cast such a column");
		return -1;
	}
	done->files = list_of(a, execution, e);
	json_decref(execution);
	return done->files ? 0 : err_wrap(e, "the objects of the unload");
}

const struct source_unloading athena_unloading = {
    .place = "s3",
    .to = unload_to,
    .check = unload_check,
    .run = unload_run,
};
