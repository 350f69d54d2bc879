/* SPDX-License-Identifier: MIT */
#include "worker/check_sql.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqltext.h"
#include "worker/fill.h"

/* A check at work. Texts are SQL whose parameters are not filled in yet. The
 * first error stays in `e`, and `failed` says that there is one. */
struct maker {
	struct job *job;
	struct source *from; /* NULL: a PostgreSQL that is not connected yet */
	const json_t *check;
	const char *on; /* the relation, as SQL */
	struct buf count, rows, columns, declared;
	struct err *e;
	bool failed;
};

static void add_quoted(
    struct maker *m, struct buf *to, const char *text, bool identifier)
{
	char *quoted =
	    m->failed ? NULL : fill_quote(m->from, text, identifier, m->e);

	m->failed = quoted == NULL;
	buf_str(to, quoted ? quoted : "");
	free(quoted);
}

static void add_column(struct maker *m, struct buf *to, const char *name)
{
	add_quoted(m, to, name, true);
}

/* Says whether the text is one parameter, :'name'. */
static bool is_parameter(const char *text)
{
	const char *c = text + 2;

	if (strncmp(text, ":'", 2) != 0)
		return false;
	while (isalnum((unsigned char)*c) || *c == '_')
		c++;
	return c > text + 2 && strcmp(c, "'") == 0;
}

static void add_bound(struct maker *m, struct buf *to, const json_t *bound)
{
	char *number;

	if (json_is_string(bound)) {
		const char *text = json_string_value(bound);

		if (is_parameter(text))
			buf_str(to, text);
		else
			add_quoted(m, to, text, false);
		return;
	}
	number = json_dumps(bound, JSON_ENCODE_ANY);
	buf_str(to, number ? number : "null");
	free(number);
}

/* Appends "from the relation", with the filter of the check and `condition`; the
 * line break ends a comment in the filter. */
static void add_from(struct maker *m, struct buf *to, const char *condition)
{
	const char *where = json_str(m->check, "where", NULL);

	buf_printf(to, " from %s", m->on);
	if (where != NULL)
		buf_printf(to, " where (%s\n)", where);
	if (condition != NULL)
		buf_printf(to, "%s (%s)", where ? " and" : " where", condition);
}

/* Both statements for rows that fail by a condition of their own. */
static void add_condition(struct maker *m, const struct buf *condition)
{
	buf_str(&m->rows, "select *");
	add_from(m, &m->rows, condition->data);
	buf_printf(&m->count, "select count(case when %s then 1 end), count(*)",
	    condition->data);
	add_from(m, &m->count, NULL);
}

static void add_columns(struct maker *m, struct buf *to, const json_t *names,
    const char *between, const char *after)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		buf_str(to, i > 0 ? between : "");
		add_column(m, to, json_string_value(name));
		buf_str(to, after);
	}
}

/* Counts the rows of m->rows. */
static void count_rows(struct maker *m)
{
	buf_printf(&m->count,
	    "select count(*), null from (%s\n) as failing_rows", m->rows.data);
}

/* ---- the kinds of checks ---- */

static void add_statement(struct maker *m, struct buf *to, const char *sql)
{
	struct sqltext_part part = {"", 0};

	if (!sqltext_next(&sql, &part) && !m->failed) {
		m->failed = true;
		err_set(m->e, ERR_PERMANENT, "the query is empty");
	}
	buf_add(to, part.text, part.len);
}

static void make_sql(struct maker *m, const json_t *asked)
{
	add_statement(m, &m->rows, json_string_value(asked));
	count_rows(m);
}

static void make_not_null(struct maker *m, const json_t *asked)
{
	struct buf condition;

	buf_init(&condition, SOURCE_SQL_MAX);
	add_columns(m, &condition, asked, " or ", " is null");
	add_condition(m, &condition);
	buf_free(&condition);
}

static void make_range(struct maker *m, const json_t *asked)
{
	static const struct {
		const char *member, *beyond;
	} ends[] = {{"min", " < "}, {"max", " > "}};
	const char *column = json_str(asked, "column", "");
	struct buf condition;

	buf_init(&condition, SOURCE_SQL_MAX);
	for (size_t i = 0; i < 2; i++) {
		const json_t *bound = json_object_get(asked, ends[i].member);

		if (bound == NULL)
			continue;
		buf_str(&condition, condition.len > 0 ? " or " : "");
		add_column(m, &condition, column);
		buf_str(&condition, ends[i].beyond);
		add_bound(m, &condition, bound);
	}
	add_condition(m, &condition);
	buf_free(&condition);
}

/* A value that occurs several times fails once. NULL equals nothing, as in a
 * unique index. */
static void make_unique(struct maker *m, const json_t *asked)
{
	struct buf known;

	buf_init(&known, SOURCE_SQL_MAX);
	add_columns(m, &known, asked, " and ", " is not null");
	buf_str(&m->rows, "select ");
	add_columns(m, &m->rows, asked, ", ", "");
	buf_str(&m->rows, ", count(*) as occurrences");
	add_from(m, &m->rows, known.data);
	buf_str(&m->rows, " group by ");
	add_columns(m, &m->rows, asked, ", ", "");
	buf_str(&m->rows, " having count(*) > 1");
	buf_str(&m->count,
	    "select coalesce(sum(case when n > 1 then 1 else 0 end), 0), "
	    "coalesce(sum(n), 0) from (select count(*) as n");
	add_from(m, &m->count, known.data);
	buf_str(&m->count, " group by ");
	add_columns(m, &m->count, asked, ", ", "");
	buf_str(&m->count, ") as groups_of_rows");
	buf_free(&known);
}

static void make_row_count(struct maker *m, const json_t *asked)
{
	const json_t *min = json_object_get(asked, "min");
	const json_t *max = json_object_get(asked, "max");

	buf_str(&m->count, "select case when n < ");
	add_bound(m, &m->count, min ? min : max);
	buf_str(&m->count, min ? "" : " and false");
	buf_str(&m->count, " or n > ");
	add_bound(m, &m->count, max ? max : min);
	buf_str(&m->count, max ? "" : " and false");
	buf_str(&m->count, " then 1 else 0 end, n from (select count(*) as n");
	add_from(m, &m->count, NULL);
	buf_str(&m->count, ") as counted_rows");
}

/* A relation without rows is not fresh. */
static void make_fresh(struct maker *m, const json_t *asked)
{
	buf_str(&m->count, "select case when max(");
	add_column(m, &m->count, json_str(asked, "column", ""));
	buf_printf(&m->count, ") >= %s - interval ",
	    m->from ? source_now(m->from) : "now()");
	add_quoted(m, &m->count, json_str(asked, "max_age", ""), false);
	buf_str(&m->count, " then 0 else 1 end, count(*)");
	add_from(m, &m->count, NULL);
}

static void make_schema(struct maker *m, const json_t *asked)
{
	const char *name;
	json_t *type;

	buf_printf(&m->columns, "select * from %s where 1 = 0", m->on);
	json_object_foreach((json_t *)(uintptr_t)asked, name, type)
	{
		buf_printf(&m->declared, "%scast(null as %s) as ",
		    m->declared.len > 0 ? ", " : "select ",
		    json_string_value(type));
		add_column(m, &m->declared, name);
	}
}

/* Appends the rows that are in the first result and not in the second. */
static void add_except(struct maker *m, const char *one, const char *other)
{
	buf_str(&m->rows, "select * from (select * from (");
	add_statement(m, &m->rows, one);
	buf_str(&m->rows, "\n) as one except select * from (");
	add_statement(m, &m->rows, other);
	buf_str(&m->rows, "\n) as other) as not_there");
}

static void make_reconcile(struct maker *m, const json_t *asked)
{
	const char *a = json_string_value(json_array_get(asked, 0));
	const char *b = json_string_value(json_array_get(asked, 1));

	add_except(m, a, b);
	buf_str(&m->rows, " union all ");
	add_except(m, b, a);
	count_rows(m);
}

static const struct kind {
	const char *name;
	void (*make)(struct maker *m, const json_t *asked);
} kinds[] = {
    {"sql", make_sql},
    {"not_null", make_not_null},
    {"unique", make_unique},
    {"range", make_range},
    {"row_count", make_row_count},
    {"fresh", make_fresh},
    {"schema", make_schema},
    {"reconcile", make_reconcile},
};

/* ---- */

static void make(struct maker *m)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const json_t *asked = json_object_get(m->check, kinds[i].name);

		if (asked == NULL)
			continue;
		kinds[i].make(m, asked);
		return;
	}
	m->failed = true;
	err_set(m->e, ERR_PERMANENT, "this program does not know its kind");
}

/* Fills in the parameters; *text stays NULL when there is no such statement. */
static void fill_in(struct maker *m, struct buf *sql, char **text)
{
	struct buf out;

	if (m->failed || sql->len == 0)
		return;
	buf_init(&out, SOURCE_WRAP_MAX);
	m->failed =
	    sql->overflow
		? err_set(m->e, ERR_PERMANENT,
		      "its SQL is longer than %zu bytes", SOURCE_WRAP_MAX) != 0
		: fill_sql(m->job, m->from, sql->data, &out, m->e) != 0;
	if (m->failed)
		buf_free(&out);
	else
		*text = out.data;
}

int check_sql_make(struct job *job, struct source *from, const json_t *check,
    struct check_sql *sql, struct err *e)
{
	struct maker m = {.job = job,
	    .from = from,
	    .check = check,
	    .on = json_str(check, "on", ""),
	    .e = e};
	struct buf *all[] = {&m.count, &m.rows, &m.columns, &m.declared};

	*sql = (struct check_sql){.count = NULL};
	for (size_t i = 0; i < 4; i++)
		buf_init(all[i], SOURCE_WRAP_MAX);
	make(&m);
	fill_in(&m, &m.count, &sql->count);
	fill_in(&m, &m.rows, &sql->rows);
	fill_in(&m, &m.columns, &sql->columns);
	fill_in(&m, &m.declared, &sql->declared);
	for (size_t i = 0; i < 4; i++)
		buf_free(all[i]);
	return m.failed ? -1 : 0;
}

void check_sql_free(struct check_sql *sql)
{
	free(sql->count);
	free(sql->rows);
	free(sql->columns);
	free(sql->declared);
	*sql = (struct check_sql){.count = NULL};
}
