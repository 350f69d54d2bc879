/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/scratch.h"
#include "source/driver.h"
#include "source/duckdb/config.h"
#include "source/duckdb/dialect.h"
#include "source/duckdb/fence.h"
#include "source/duckdb/frame.h"
#include "source/duckdb/reader.h"
#include "source/sqltext.h"

/* The driver in the worker. DuckDB itself is in a process of each job's own:
 * see reader.h. */
struct duckdb {
	struct source base;
	const struct watch *watch;
	struct reader reader;
	struct scratch scratch;
	struct frame frame;
	char *says; /* see describe */
	int64_t timeout_ms, deadline_ms;
	/* the query's rows */
	int columns;
	bool ended;
	struct value *values;
};

static struct duckdb *as_duckdb(struct source *s)
{
	return (struct duckdb *)s;
}

static const struct duckdb_config *config_of(const struct duckdb *d)
{
	return (const struct duckdb_config *)d->base.config;
}

/* ---- the session ---- */

/* Describes the library and what it may read, for duckdb_protection. */
static void describe(struct duckdb *d, const char *version)
{
	const struct duckdb_config *config = config_of(d);

	free(d->says);
	d->says = mem_printf("DuckDB %s on this host; folders: %s%s%s", version,
	    config->folders ? config->folders : "none",
	    config->database ? "; database: " : "",
	    config->database ? config->database : "");
}

/* There is nothing to connect to: each job starts DuckDB anew. */
static struct source *duckdb_connect(
    const struct source_how *how, struct err *e)
{
	struct duckdb *d = mem_zalloc(sizeof(*d));

	(void)e;
	d->base = (struct source){&source_duckdb, how->config};
	d->watch = how->watch;
	d->reader.fd = -1;
	frame_init(&d->frame);
	describe(d, "(not loaded yet)");
	return &d->base;
}

static void stop(struct duckdb *d)
{
	reader_stop(&d->reader);
	scratch_close(&d->scratch);
}

static void duckdb_close(struct source *s)
{
	struct duckdb *d = as_duckdb(s);

	stop(d);
	frame_free(&d->frame);
	free(d->values);
	free(d->says);
	free(d);
}

static void duckdb_set_watch(struct source *s, const struct watch *watch)
{
	as_duckdb(s)->watch = watch;
}

static bool duckdb_alive(struct source *s)
{
	(void)s;
	return true;
}

static const char *duckdb_protection(const struct source *s, bool *weak)
{
	*weak = false;
	return ((const struct duckdb *)s)->says;
}

/* DuckDB's own settings keep reports from reading outside of the folders. They
 * leave ways to write within them: into a log, or a profile of the query. */
static int duckdb_danger(struct source *s, char **why, struct err *e)
{
	(void)s;
	(void)e;
	if (!fence_is_there())
		*why = mem_strdup(
		    "this kernel has no Landlock (Linux 5.13 or later, with "
		    "landlock in its lsm list), without which DuckDB may "
		    "follow "
		    "a symbolic link out of its folders, or write into them");
	return 0;
}

/* Reads the next message; a message of any type but these two ends the job. */
static int next_frame(struct duckdb *d, struct err *e)
{
	int rc;

	if (d->reader.fd < 0)
		return err_set(e, ERR_PERMANENT, "DuckDB's process has ended");
	rc = frame_read(d->reader.fd, &d->frame, d->watch, d->deadline_ms, e);

	if (rc == 0 && d->deadline_ms != 0 &&
	    clock_boot_ms() >= d->deadline_ms) {
		reader_stop(&d->reader);
		err_set(e, ERR_TRANSIENT,
		    "the statement took longer than its statement_timeout of "
		    "%lld ms",
		    (long long)d->timeout_ms);
		memcpy(e->sqlstate, "57014", 6);
		return -1;
	}
	if (rc == 0)
		return reader_died(&d->reader, e);
	if (rc == 1 && d->frame.type == FRAME_ERROR)
		return frame_get_error(&d->frame.body, e);
	return rc == 1 ? 0 : -1;
}

/* A folder that is missing would look like one without files. */
static int check_folders(const struct duckdb_config *config, struct err *e)
{
	char *folder = duckdb_missing_folder(&config->base);

	if (folder == NULL)
		return 0;
	err_set(e, ERR_TRANSIENT,
	    "folders: %s is no folder that this user can reach", folder);
	free(folder);
	return -1;
}

static int duckdb_begin(
    struct source *s, const struct job_session *job, struct err *e)
{
	struct duckdb *d = as_duckdb(s);
	const struct duckdb_config *config = config_of(d);

	stop(d);
	d->timeout_ms = job->statement_timeout_ms;
	d->deadline_ms = 0;
	d->ended = true;
	if (check_folders(config, e) != 0)
		return -1;
	if (config->temp_directory != NULL &&
	    scratch_open(&d->scratch, "duckdb", config->temp_directory, e) != 0)
		return err_wrap(e, "temp_directory");
	if (reader_start(&d->reader,
		&(struct engine_options){.config = config,
		    .session = job,
		    .scratch = d->scratch.path},
		e) != 0 ||
	    next_frame(d, e) != 0)
		return -1;
	describe(d, d->frame.body.data);
	return 0;
}

/* Nothing is left that another job could use. */
static bool duckdb_end(struct source *s)
{
	stop(as_duckdb(s));
	return false;
}

/* ---- rows ---- */

/* Reads what is left of a result whose reader has stopped before its end. */
static void pass_over(struct duckdb *d)
{
	struct err unused;

	while (!d->ended)
		d->ended =
		    next_frame(d, &unused) != 0 || d->frame.type != FRAME_ROWS;
}

/* Sends a statement and reads its columns. */
static int ask(struct duckdb *d, enum frame_type type, const char *sql,
    struct schema *schema, struct err *e)
{
	d->deadline_ms =
	    d->timeout_ms > 0 ? clock_boot_ms() + d->timeout_ms : 0;
	pass_over(d);
	/* A reader that is gone is noticed when its answer is read. */
	frame_send(d->reader.fd, type, NULL, sql, strlen(sql));
	if (next_frame(d, e) != 0)
		return -1;
	return d->frame.type == FRAME_SCHEMA
		   ? frame_get_schema(&d->frame.body, schema, e)
		   : frame_torn(e);
}

static int duckdb_query(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	struct duckdb *d = as_duckdb(s);

	if (ask(d, FRAME_QUERY, sql, schema, e) != 0)
		return -1;
	d->columns = schema->count;
	d->ended = false;
	return 0;
}

static int duckdb_describe(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	return ask(as_duckdb(s), FRAME_DESCRIBE, sql, schema, e);
}

/* Points the values into the message: a count of rows, the length of each
 * value, then the values with a NUL after each. A reader that a hostile file has
 * taken over could send anything, so nothing outside of the message is looked
 * at. */
static int read_rows(struct duckdb *d, struct batch *batch, struct err *e)
{
	const struct buf *body = &d->frame.body;
	const char *at = body->data, *end = at + body->len, *text;
	int32_t rows = 0, len;
	size_t count;

	if (body->len >= sizeof(rows))
		memcpy(&rows, at, sizeof(rows));
	at += sizeof(rows);
	count = (size_t)rows * (size_t)d->columns;
	if (rows <= 0 || count > body->len / (sizeof(len) + 1))
		return frame_torn(e);
	text = at + count * sizeof(len);
	d->values = mem_realloc(d->values, count + 1, sizeof(*d->values));
	for (size_t i = 0; i < count; i++, at += sizeof(len)) {
		memcpy(&len, at, sizeof(len));
		if (len < -1 || end - text <= (len > 0 ? len : 0) ||
		    text[len > 0 ? len : 0] != '\0')
			return frame_torn(e);
		d->values[i] = (struct value){text, len};
		text += (len > 0 ? len : 0) + 1;
	}
	*batch = (struct batch){d->values, rows};
	return 1;
}

static int duckdb_next(struct source *s, struct batch *batch, struct err *e)
{
	struct duckdb *d = as_duckdb(s);

	if (d->ended)
		return 0;
	if (next_frame(d, e) != 0)
		return -1;
	d->ended = d->frame.type != FRAME_ROWS;
	return d->ended ? 0 : read_rows(d, batch, e);
}

static void duckdb_query_end(struct source *s)
{
	(void)s;
}

/* ---- SQL ---- */

static void duckdb_shape(const struct source *s, const char *sql,
    const struct source_shape *shape, struct buf *out)
{
	(void)s;
	duckdb_wrap(sql, shape, out);
}

static char *duckdb_quote(
    struct source *s, const char *text, bool identifier, struct err *e)
{
	struct buf b;

	(void)s;
	buf_init(&b, 2 * SOURCE_SQL_MAX);
	dialect_quote(text, identifier ? '"' : '\'', &b);
	if (!b.overflow)
		return b.data;
	buf_free(&b);
	err_set(e, ERR_PERMANENT, "a parameter is too long");
	return NULL;
}

static void duckdb_advise(
    const struct source *s, const char *sql, bool reads, struct err *e)
{
	const struct duckdb_config *config =
	    (const struct duckdb_config *)s->config;
	const char *name;
	size_t len;

	(void)reads;
	if (strcmp(e->sqlstate, "42601") == 0 &&
	    (name = sqltext_bare_variable(sql, &len)) != NULL)
		err_hint(e,
		    "a parameter is written with quotes: :'%.*s' for a value, "
		    ":\"%.*s\" for a name",
		    (int)len, name, (int)len, name);
	else if (strcmp(e->sqlstate, "53200") == 0)
		err_hint(e, "raise memory_limit%s of [source.%s]%s",
		    config->temp_directory ? " or max_temp_directory_size" : "",
		    s->config->name,
		    config->temp_directory
			? ""
			: ", or give it a temp_directory to spill to");
	else if (strcmp(e->sqlstate, "42501") == 0)
		err_hint(e,
		    "a report reads files below the folders of [source.%s], "
		    "and changes nothing",
		    s->config->name);
}

const struct source_driver source_duckdb = {
    .type = &source_type_duckdb,
    .connect = duckdb_connect,
    .close = duckdb_close,
    .set_watch = duckdb_set_watch,
    .alive = duckdb_alive,
    .protection = duckdb_protection,
    .danger = duckdb_danger,
    .begin = duckdb_begin,
    .end = duckdb_end,
    .query = duckdb_query,
    .next = duckdb_next,
    .query_end = duckdb_query_end,
    .describe = duckdb_describe,
    .now = "now()",
    .shape = duckdb_shape,
    .quote = duckdb_quote,
    .advise = duckdb_advise,
};
