/* SPDX-License-Identifier: MIT */
#include "source/source.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
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

bool source_is_served(const struct source *s)
{
	return s->driver->served;
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

char *source_remark(const struct source *s)
{
	return s->driver->remark != NULL ? s->driver->remark(s) : NULL;
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

int source_raw_text(struct source *s, bool raw, struct err *e)
{
	if (s->driver->raw_text != NULL)
		return s->driver->raw_text(s, raw, e);
	return raw ? refuse(s, "gives text in UTF8 only", e) : 0;
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

bool source_can_describe(const struct source *s)
{
	return s->driver->describe != NULL;
}

/* Asks the driver. A source that has no answer has no clock to ask either, so
 * that of this host counts. */
static int ask_moment(struct source *s, struct source_moment *m, struct err *e)
{
	struct timespec now;

	*m = (struct source_moment){.known = false};
	if (s->driver->horizon != NULL)
		return s->driver->horizon(s, m, e);
	clock_gettime(CLOCK_REALTIME, &now);
	m->now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	m->note = mem_printf("[source.%s] is of type %s, which does not tell "
			     "the transactions that are open",
	    s->config->name, s->config->type->name);
	return 0;
}

/* 9999-12-31, in microseconds since 1970 */
#define TIME_MAX_US (INT64_C(253402214400) * 1000000)

/* The numbers of a server are not trusted: the queue records them as a
 * timestamp, an int and a bigint. */
static bool is_time(int64_t us)
{
	return us >= 0 && us <= TIME_MAX_US;
}

static bool is_sound(const struct source_moment *m)
{
	return is_time(m->now_us) && is_time(m->at_us) && m->holder.pid >= 0 &&
	       m->holder.pid <= INT32_MAX && m->holder.age_s >= 0;
}

/* `us` is a time, see is_time. */
static void write_time(int64_t us, char text[static SOURCE_TIME])
{
	time_t s = (time_t)(us / 1000000);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(text, SOURCE_TIME, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text + n, SOURCE_TIME - n, ".%06d+00", (int)(us % 1000000));
}

int source_horizon(struct source *s, int64_t overlap_ms,
    struct source_horizon *horizon, struct err *e)
{
	struct source_moment m;

	*horizon = (struct source_horizon){.remark = NULL};
	if (ask_moment(s, &m, e) != 0)
		return -1;
	if (!m.known && overlap_ms <= 0) {
		err_set(e, m.passes ? ERR_TRANSIENT : ERR_PERMANENT,
		    "the horizon cannot be known: %s; or set horizon_overlap "
		    "of the report, and let it read what comes late once more",
		    m.note);
		free(m.note);
		return -1;
	}
	if (!m.known && is_time(m.now_us))
		m.at_us = m.now_us - overlap_ms * 1000;
	if (!is_sound(&m)) {
		err_set(e, ERR_PERMANENT,
		    "[source.%s] told a horizon that is no time from 1970 to "
		    "9999, or a process that cannot be; look at what the name "
		    "and port of the source lead to",
		    s->config->name);
		free(m.note);
		return -1;
	}
	write_time(m.at_us, horizon->at);
	if (!m.known) {
		horizon->remark = mem_printf(
		    "the horizon is now less horizon_overlap: %s", m.note);
		free(m.note);
	} else {
		horizon->remark = m.note;
		horizon->holder = m.holder;
	}
	return 0;
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

const char *source_unload_place(const struct source *s)
{
	return s->driver->unloading ? s->driver->unloading->place : NULL;
}

int source_unload_check(
    const struct source *s, const struct source_unload *u, struct err *e)
{
	return source_type_check_unload(
		   s->config->type, u->format, u->options, e) != 0
		   ? -1
		   : s->driver->unloading->check(s, u, e);
}

int source_unload(struct source *s, const struct source_unload *u,
    struct source_unloaded *done, struct err *e)
{
	*done = (struct source_unloaded){.rows = -1};
	return s->driver->unloading->run(s, u, done, e);
}

void source_advise(
    const struct source *s, const char *sql, bool reads, struct err *e)
{
	if (s->driver->advise != NULL)
		s->driver->advise(s, sql, reads, e);
}

const char *source_now(const struct source *s)
{
	return s->driver->now;
}

const char *source_catalogue(const struct source *s, struct err *e)
{
	if (s->driver->catalogue == NULL)
		err_set(e, ERR_PERMANENT,
		    "reportd cannot list the tables of a source of type %s; "
		    "submit a report for each table",
		    s->config->type->name);
	return s->driver->catalogue;
}

char *source_quote(
    struct source *s, const char *text, bool identifier, struct err *e)
{
	return s->driver->quote(s, text, identifier, e);
}

int source_cancel(
    const struct source_how *how, const char *handle, struct err *e)
{
	const struct source_driver *driver = driver_of(how->config->type);

	return driver->cancel ? driver->cancel(how, handle, e) : 0;
}
