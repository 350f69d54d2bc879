/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "ctl/ingest.h"
#include "ctl/lib/connect.h"
#include "source/sqltext.h"

struct source *ingest_source(
    struct ctl *c, const struct ingest *in, struct err *e)
{
	struct job_session session = {.application_name = "reportctl ingest",
	    .time_zone = in->time_zone,
	    .read_only = true};
	const struct source_settings *settings;
	struct source *source;

	if (connect_settings(c, e) != 0)
		return NULL;
	settings = settings_source(c->settings, in->source);
	if (settings == NULL) {
		c->on_error = CTL_SETTINGS;
		err_set(e, ERR_PERMANENT,
		    "the settings have no section [source.%s]", in->source);
		return NULL;
	}
	session.statement_timeout_ms = settings->statement_timeout;
	source = connect_source(c, settings, e);
	if (source != NULL && source_begin_job(source, &session, e) == 0)
		return source;
	err_wrap(e, "source %s", in->source);
	source_close(source);
	return NULL;
}

struct lookup {
	struct source *source;
	const char *schema;
};

static char *look_up(
    void *arg, const char *name, bool identifier, struct err *e)
{
	struct lookup *l = arg;

	(void)name; /* there is one */
	return source_quote(l->source, l->schema, identifier, e);
}

static int read_entries(
    struct source *source, const char *sql, json_t *entries, struct err *e)
{
	struct schema schema = {0};
	struct batch batch;
	int rc = source_query(source, sql, &schema, e);

	while (rc == 0 && (rc = source_next(source, &batch, e)) == 1) {
		rc = 0;
		for (int i = 0; rc == 0 && i < batch.rows; i++) {
			const struct value *v = &batch.values[i];
			json_t *one =
			    json_parse_object(v->data, (size_t)v->len, e);

			rc = one != NULL ? json_array_append_new(entries, one)
					 : -1;
		}
	}
	schema_free(&schema);
	source_query_end(source);
	return rc;
}

json_t *ingest_catalogue(
    const struct ingest *in, struct source *source, struct err *e)
{
	struct lookup l = {.source = source, .schema = in->schema};
	const char *query = source_catalogue(source, e);
	json_t *entries = json_array();
	struct buf sql;
	int rc = -1;

	buf_init(&sql, SOURCE_SQL_MAX);
	if (query != NULL &&
	    sqltext_substitute(query, look_up, &l, &sql, e) == 0)
		rc = read_entries(source, sql.data, entries, e);
	if (rc == 0 && json_array_size(entries) == 0)
		rc = err_set(e, ERR_PERMANENT,
		    "schema \"%s\" has no tables that this login sees",
		    in->schema);
	buf_free(&sql);
	if (rc == 0)
		return entries;
	json_decref(entries);
	return NULL;
}
