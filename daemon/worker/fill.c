/* SPDX-License-Identifier: MIT */
#include "worker/fill.h"

#include <stdlib.h>

#include "base/mem.h"
#include "source/dialect.h"
#include "source/sqltext.h"
#include "worker/inputs.h"
#include "worker/links.h"
#include "worker/places.h"

/* Returns the value of a parameter, a JSON string or null; NULL on error. */
static json_t *find_parameter(struct job *job, const char *name, struct err *e)
{
	const char *text = job_value(job, name);
	json_t *v = text ? json_string(text) : NULL;
	int rc = v ? 1 : inputs_parameter(job, name, &v, e);

	if (rc == 0) {
		v = json_incref(json_object_get(job->asked.parameters, name));
		rc = v ? 1 : links_find(job, name, &v, e);
	}
	if (rc == 0)
		err_set(e, ERR_PERMANENT,
		    "unknown parameter :'%s'; add it to parameters", name);
	return rc == 1 ? v : NULL;
}

struct filling {
	struct job *job;
	struct source *from;
};

char *fill_quote(
    struct source *from, const char *text, bool identifier, struct err *e)
{
	struct buf b;

	if (from != NULL)
		return source_quote(from, text, identifier, e);
	buf_init(&b, SOURCE_SQL_MAX);
	dialect_quote(text, identifier ? '"' : '\'', &b);
	if (!b.overflow)
		return b.data;
	buf_free(&b);
	err_set(e, ERR_PERMANENT,
	    "a parameter is longer than %zu bytes in quotes", SOURCE_SQL_MAX);
	return NULL;
}

static char *quote_parameter(
    void *arg, const char *name, bool identifier, struct err *e)
{
	const struct filling *f = arg;
	json_t *v = find_parameter(f->job, name, e);
	const char *text = json_string_value(v);
	char *quoted = NULL;

	if (text != NULL)
		quoted = fill_quote(f->from, text, identifier, e);
	else if (v != NULL && !identifier)
		quoted = mem_strdup("NULL");
	else if (v != NULL)
		err_set(e, ERR_PERMANENT,
		    "parameter :\"%s\" is null and cannot name anything", name);
	json_decref(v);
	return quoted;
}

int fill_sql(struct job *job, struct source *from, const char *sql,
    struct buf *out, struct err *e)
{
	return sqltext_substitute(
	    sql, quote_parameter, &(struct filling){job, from}, out, e);
}

int fill_member(
    struct job *job, const char *key, struct buf *out, struct err *e)
{
	const char *sql = job_text(job, key);

	if (sql == NULL)
		return 0;
	if (fill_sql(job, job->lent.source, sql, out, e) != 0)
		return err_wrap(e, "%s", key);
	return 0;
}
