/* SPDX-License-Identifier: MIT */
#include "source/source.h"

#include <string.h>

#include "source/driver.h"
#include "source/postgres/conninfo.h"
#include "source/postgres/postgres.h"
#include "source/postgres/redshift.h"

/* One line a type. */
static const struct source_driver *const drivers[] = {
    &source_postgres,
    &source_redshift,
};

static const struct source_driver *driver_named(const char *type)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
		if (strcmp(drivers[i]->name, type) == 0)
			return drivers[i];
	}
	return NULL;
}

bool source_type_known(const char *type, const char **known)
{
	*known = "postgres, redshift";
	return driver_named(type) != NULL;
}

int source_check_conninfo(const char *conninfo, struct err *e)
{
	return conninfo_check(conninfo, e);
}

char *source_conninfo_password(const char *conninfo)
{
	return conninfo_get(conninfo, "password");
}

struct source *source_connect(const struct source_options *options,
    const struct watch *watch, struct err *e)
{
	const struct source_driver *driver = driver_named(options->type);

	if (driver != NULL)
		return driver->connect(options, watch, e);
	err_set(e, ERR_PERMANENT, "unknown source type \"%s\"", options->type);
	return NULL;
}

void source_close(struct source *s)
{
	if (s != NULL)
		s->driver->close(s);
}

void source_set_watch(struct source *s, const struct watch *watch)
{
	s->driver->set_watch(s, watch);
}

bool source_alive(struct source *s)
{
	return s->driver->alive(s);
}

const char *source_protection(const struct source *s, bool *weak)
{
	return s->driver->protection(s, weak);
}

int source_danger(struct source *s, char **why, struct err *e)
{
	*why = NULL;
	return s->driver->danger ? s->driver->danger(s, why, e) : 0;
}

int source_begin_job(
    struct source *s, const struct job_session *session, struct err *e)
{
	return s->driver->begin(s, session, e);
}

bool source_end_job(struct source *s)
{
	return s->driver->end(s);
}

void source_reset(struct source *s)
{
	if (s->driver->reset != NULL)
		s->driver->reset(s);
}

static int refuse(const struct source *s, const char *what, struct err *e)
{
	return err_set(
	    e, ERR_PERMANENT, "a source of type %s %s", s->driver->name, what);
}

int source_run_script(struct source *s, const char *script, struct err *e)
{
	return s->driver->script ? s->driver->script(s, script, e)
				 : refuse(s, "runs no prep_sql", e);
}

int source_raw_text(struct source *s, struct err *e)
{
	return s->driver->raw_text ? s->driver->raw_text(s, e)
				   : refuse(s, "gives text in UTF8 only", e);
}

int source_query(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	*schema = (struct schema){0};
	if (s->driver->query(s, sql, schema, e) == 0)
		return 0;
	schema_free(schema);
	return -1;
}

int source_next(struct source *s, struct batch *batch, struct err *e)
{
	return s->driver->next(s, batch, e);
}

void source_query_end(struct source *s)
{
	s->driver->query_end(s);
}

int source_describe(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	*schema = (struct schema){0};
	return s->driver->describe
		   ? s->driver->describe(s, sql, schema, e)
		   : refuse(s, "tells columns with the rows only", e);
}

void source_shape(const struct source *s, const char *sql,
    const struct source_shape *shape, struct buf *out)
{
	s->driver->shape(s, sql, shape, out);
}

bool source_can_pass(const struct source *s, const struct source_pass *pass)
{
	return s->driver->passing != NULL && s->driver->passing->can(s, pass);
}

int source_pass(struct source *s, const struct source_pass *pass, struct err *e)
{
	return s->driver->passing->begin(s, pass, e);
}

int source_pass_next(
    struct source *s, const char **data, size_t *len, struct err *e)
{
	return s->driver->passing->next(s, data, len, e);
}

int source_pass_read(struct source *s, struct buf *to, struct err *e)
{
	return s->driver->passing->read(s, to, e);
}

int64_t source_pass_rows(const struct source *s)
{
	return s->driver->passing->rows(s);
}

void source_advise(
    const struct source *s, const char *sql, bool reads, struct err *e)
{
	if (s->driver->advise != NULL)
		s->driver->advise(s, sql, reads, e);
}

char *source_quote(
    struct source *s, const char *text, bool identifier, struct err *e)
{
	return s->driver->quote(s, text, identifier, e);
}
