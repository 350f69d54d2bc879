/* SPDX-License-Identifier: MIT */
#include "inbox/statement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct statement_text statement_begin(const struct inbox *inbox, struct err *e)
{
	struct statement_text t = {.inbox = inbox, .e = e};

	buf_init(&t.out, SOURCE_SQL_MAX);
	return t;
}

int statement_end(struct statement_text *t)
{
	if (t->rc == 0 && t->out.overflow)
		t->rc = err_set(t->e, ERR_PERMANENT,
		    "a statement for the inbox is longer than %zu bytes",
		    t->out.max);
	return t->rc;
}

void statement_add(struct statement_text *t, const char *part)
{
	buf_str(&t->out, part);
}

void statement_number(struct statement_text *t, int64_t number)
{
	buf_printf(&t->out, "%" PRId64, number);
}

void statement_quoted(
    struct statement_text *t, const char *value, bool identifier)
{
	char *quoted =
	    t->rc == 0 ? source_quote(t->inbox->source, value, identifier, t->e)
		       : NULL;

	if (quoted != NULL)
		buf_str(&t->out, quoted);
	else
		t->rc = -1;
	free(quoted);
}

/* A null is a literal without a type in both places of a MERGE. */
void statement_value(struct statement_text *t, const char *value)
{
	if (value == NULL)
		statement_add(t, "cast(null as varchar)");
	else
		statement_quoted(t, value, false);
}

void statement_table(struct statement_text *t)
{
	char *copy = mem_strdup(t->inbox->table), *rest = copy;
	bool first = true;

	for (char *one; (one = strsep(&rest, ".")) != NULL; first = false) {
		statement_add(t, first ? "" : ".");
		statement_quoted(t, one, true);
	}
	free(copy);
}

void statement_column(
    struct statement_text *t, const char *prefix, const char *name)
{
	statement_add(t, "cast(");
	statement_add(t, prefix);
	statement_quoted(t, name, true);
	statement_add(t, " as varchar)");
}

int statement_in_time(const struct inbox *inbox, struct err *e)
{
	if (inbox->until_ms == 0 || clock_boot_ms() < inbox->until_ms)
		return 0;
	return err_set(e, ERR_TRANSIENT,
	    "a step came too late to its statement; nothing was sent");
}

int statement_next(
    const struct inbox *inbox, struct statement_rows *r, struct err *e)
{
	while (r->at >= r->batch.rows) {
		int rc = source_next(inbox->source, &r->batch, e);

		if (rc != 1)
			return rc;
		r->at = 0;
	}
	r->row = r->batch.values + (size_t)r->at++ * (size_t)r->schema.count;
	return 1;
}
