/* SPDX-License-Identifier: MIT */
#include "source/duckdb/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/duckdb/dialect.h"
#include "source/duckdb/problem.h"
#include "source/duckdb/relation.h"
#include "source/duckdb/statement.h"

/* ---- the database ---- */

static int set(struct engine *n, duck config, const char *name,
    const char *value, struct err *e)
{
	if (n->library.set_config(config, name, value) == DUCK_SUCCESS)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "DuckDB %s refuses the setting %s = %s", n->library.version, name,
	    value);
}

/* Settings that must be in force before the database is opened. */
static int configure(struct engine *n, const struct engine_options *o,
    duck config, struct err *e)
{
	static const char *const fixed[][2] = {
	    {"autoinstall_known_extensions", "false"},
	    {"autoload_known_extensions", "false"},
	    {"allow_community_extensions", "false"},
	    {"allow_unsigned_extensions", "false"},
	    {"allow_persistent_secrets", "false"},
	};
	char threads[32], memory[32];

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
		if (set(n, config, fixed[i][0], fixed[i][1], e) != 0)
			return -1;
	}
	snprintf(threads, sizeof(threads), "%" PRId64, o->config->threads);
	snprintf(memory, sizeof(memory), "%" PRId64 " bytes",
	    o->config->memory_limit);
	if (set(n, config, "threads", threads, e) != 0 ||
	    set(n, config, "memory_limit", memory, e) != 0 ||
	    set(n, config, "temp_directory", o->scratch ? o->scratch : "", e) !=
		0)
		return -1;
	return o->config->database == NULL
		   ? 0
		   : set(n, config, "access_mode", "READ_ONLY", e);
}

static int open_database(
    struct engine *n, const struct engine_options *o, struct err *e)
{
	const struct library *l = &n->library;
	char *why = NULL;
	duck config = NULL;
	int rc;

	if (l->create_config(&config) != DUCK_SUCCESS)
		return err_set(e, ERR_TRANSIENT, "DuckDB has no memory");
	rc = configure(n, o, config, e);
	if (rc == 0 && l->open_ext(o->config->database, &n->database, config,
			   &why) != DUCK_SUCCESS) {
		rc = problem_of_text(why, e);
		if (o->config->database != NULL)
			err_wrap(e, "database %s", o->config->database);
	}
	l->free(why);
	l->destroy_config(&config);
	if (rc == 0 && l->connect(n->database, &n->connection) != DUCK_SUCCESS)
		rc = err_set(e, ERR_TRANSIENT, "DuckDB refuses a connection");
	return rc;
}

static int run(struct engine *n, const char *sql, struct err *e)
{
	struct duck_result r = {0};
	int rc = 0;

	if (n->library.query(n->connection, sql, &r) != DUCK_SUCCESS)
		rc = problem_of_result(&n->library, &r, e);
	n->library.destroy_result(&r);
	return rc;
}

static void add_folders(const struct duckdb_config *config, struct buf *sql)
{
	const char *at = config->folders;
	char *folder;
	int count = 0;

	buf_str(sql, "set allowed_directories = [");
	while ((folder = duckdb_next_folder(&at)) != NULL) {
		buf_str(sql, count++ > 0 ? ", " : "");
		dialect_quote(folder, '\'', sql);
		free(folder);
	}
	buf_str(sql, "]; ");
}

/* Sets the job's time zone, makes its relations, and then closes what no
 * statement can open again. */
static int lock(struct engine *n, const struct engine_options *o, struct err *e)
{
	struct buf sql;
	int rc;

	buf_init(&sql, SOURCE_WRAP_MAX);
	buf_str(&sql, "set TimeZone = ");
	dialect_quote(o->session->time_zone, '\'', &sql);
	buf_str(&sql, "; ");
	/* Given before the database is open, this setting has no effect. */
	if (o->scratch != NULL)
		buf_printf(&sql,
		    "set max_temp_directory_size = '%" PRId64 " bytes'; ",
		    o->config->max_temp_directory_size);
	rc = relations_add(o->session, &sql, e);
	add_folders(o->config, &sql);
	relations_allow(o->session, &sql);
	buf_str(&sql, "set enable_external_access = false; "
		      "set lock_configuration = true");
	if (rc == 0)
		rc = sql.overflow ? err_set(e, ERR_PERMANENT,
					"the inputs have too many files")
				  : run(n, sql.data, e);
	buf_free(&sql);
	return rc;
}

int engine_open(struct engine *n, const struct engine_options *o, struct err *e)
{
	if (library_load(&n->library, o->config->library, e) != 0 ||
	    cell_tools_open(&n->tools, o->session->time_zone, e) != 0)
		return -1;
	return open_database(n, o, e) != 0 ? -1 : lock(n, o, e);
}

/* ---- statements ---- */

static void end_statement(struct engine *n)
{
	for (int i = 0; n->cells != NULL && i < n->schema.count; i++)
		cell_close(&n->cells[i]);
	free(n->cells);
	n->cells = NULL;
	schema_free(&n->schema);
	if (n->begun)
		n->library.destroy_result(&n->result);
	n->begun = false;
}

void engine_close(struct engine *n)
{
	end_statement(n);
	cell_tools_close(&n->tools);
}

/* Makes cells and schema of the result. Returns false when a type is unknown
 * here. */
static bool open_columns(struct engine *n)
{
	const struct library *l = &n->library;
	int count = (int)l->column_count(&n->result);
	bool known = true;

	n->cells = mem_zalloc(((size_t)count + 1) * sizeof(*n->cells));
	n->schema.columns =
	    mem_zalloc(((size_t)count + 1) * sizeof(*n->schema.columns));
	n->schema.count = count;
	for (int i = 0; i < count; i++) {
		duck type = l->column_logical_type(&n->result, (uint64_t)i);
		struct column *c = &n->schema.columns[i];

		known = cell_open(&n->cells[i], l, type) && known;
		l->destroy_logical_type(&type);
		cell_describe(&n->cells[i], c);
		c->name = mem_strdup(l->column_name(&n->result, (uint64_t)i));
	}
	return known;
}

/* Writes the statement around another one that turns columns of unknown types
 * into texts. */
static void convert(const struct engine *n, const char *sql, struct buf *out)
{
	buf_str(out, "select ");
	for (int i = 0; i < n->schema.count; i++) {
		const struct cell *c = &n->cells[i];
		buf_printf(out, "%s%sc%d%s", i > 0 ? ", " : "",
		    c->known ? "" : "cast(", i,
		    c->known        ? ""
		    : cell_nests(c) ? " as json)"
				    : " as varchar)");
		buf_str(out, " as ");
		dialect_quote(n->schema.columns[i].name, '"', out);
	}
	buf_printf(out, " from (%s\n) as r (", sql);
	for (int i = 0; i < n->schema.count; i++)
		buf_printf(out, "%sc%d", i > 0 ? ", " : "", i);
	buf_char(out, ')');
}

/* Runs the statement once more with its columns of unknown types cast to texts.
 * They keep KIND_OTHER, so that encoders do not take them for columns of texts. */
static int query_converted(struct engine *n, const char *sql, struct err *e)
{
	struct schema first = n->schema;
	struct buf text;
	int rc;

	buf_init(&text, 2 * SOURCE_WRAP_MAX);
	convert(n, sql, &text);
	n->schema = (struct schema){0};
	for (int i = 0; i < first.count; i++)
		cell_close(&n->cells[i]);
	end_statement(n);
	rc = statement_start(
	    &n->library, n->connection, text.data, &n->result, e);
	buf_free(&text);
	if (rc == 0) {
		n->begun = true;
		open_columns(n);
		for (int i = 0; i < first.count; i++) {
			if (first.columns[i].kind == KIND_OTHER)
				n->schema.columns[i].kind = KIND_OTHER;
		}
	}
	schema_free(&first);
	return rc;
}

int engine_query(struct engine *n, const char *sql, struct err *e)
{
	end_statement(n);
	if (statement_start(&n->library, n->connection, sql, &n->result, e) !=
	    0)
		return -1;
	n->begun = true;
	return open_columns(n) ? 0 : query_converted(n, sql, e);
}

int engine_next(struct engine *n, duck *chunk, uint64_t *rows, struct err *e)
{
	const struct library *l = &n->library;

	*chunk = l->fetch_chunk(n->result);
	if (*chunk == NULL)
		return l->result_error(&n->result) != NULL &&
			       *l->result_error(&n->result) != '\0'
			   ? problem_of_result(l, &n->result, e)
			   : 0;
	*rows = l->data_chunk_get_size(*chunk);
	for (int i = 0; i < n->schema.count; i++)
		cell_load(&n->cells[i], l,
		    l->data_chunk_get_vector(*chunk, (uint64_t)i));
	if (*rows > 0)
		return 1;
	engine_done(n, *chunk);
	return 0;
}

void engine_done(struct engine *n, duck chunk)
{
	n->library.destroy_data_chunk(&chunk);
}
