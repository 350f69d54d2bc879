/* SPDX-License-Identifier: MIT */
#include "source/source.h"

#include <stddef.h>

#include "source/driver.h"
#include "source/types.h"

#define DECLARE(name) extern const struct source_driver source_##name;
SOURCE_TYPES(DECLARE)

static const struct source_driver *const drivers[] = {
#define POINTER(name) &source_##name,
    SOURCE_TYPES(POINTER)};

static const struct source_driver *driver_of(const struct source_type *type)
{
	size_t i = 0;

	while (drivers[i]->type != type)
		i++;
	return drivers[i];
}

struct source *source_connect(const struct source_how *how, struct err *e)
{
	return driver_of(how->config->type)->connect(how, e);
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

int source_check(const struct source *s, unsigned needed, struct err *e)
{
	return source_type_check(s->config, needed, e);
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
	return err_set(e, ERR_PERMANENT, "[source.%s] is of type %s, which %s",
	    s->config->name, s->config->type->name, what);
}

int source_run_script(struct source *s, const char *script, struct err *e)
{
	return s->driver->script(s, script, e);
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

const char *source_unload_to(const struct source *s)
{
	return s->driver->unloading ? s->driver->unloading->to(s) : NULL;
}

int source_unload_check(
    const struct source *s, const struct source_unload *u, struct err *e)
{
	return s->driver->unloading->check(s, u, e);
}

int source_unload(struct source *s, const struct source_unload *u,
    int64_t *rows, struct err *e)
{
	return s->driver->unloading->run(s, u, rows, e);
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
