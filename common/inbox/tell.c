/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "inbox/statement.h"

/* The message that is written when the texts of a row are refused: it fits into any column. */
#define BRIEF "see reportd"

/* Rows of a list from `from` on, before `to`. */
struct part {
	const json_t *rows;
	size_t from, to;
	bool brief; /* with BRIEF in place of their texts, and no URL */
};

static const char *text_of(
    const struct part *part, const json_t *row, const char *name)
{
	const char *text = json_str(row, name, NULL);

	return text != NULL && part->brief ? BRIEF : text;
}

static void write_values(struct statement_text *t, const struct part *part)
{
	for (size_t i = part->from; i < part->to; i++) {
		const json_t *row = json_array_get(part->rows, i);

		statement_add(t, i > part->from ? ", (" : "(values (");
		statement_value(t, json_str(row, "id", NULL));
		statement_add(t, ", ");
		statement_value(t, json_str(row, "status", NULL));
		statement_add(t, ", ");
		statement_value(t, text_of(part, row, "message"));
		statement_add(t, ", ");
		statement_value(
		    t, part->brief ? NULL : json_str(row, "output", NULL));
		statement_add(t, ", ");
		statement_value(t, text_of(part, row, "shared"));
		statement_add(t,
		    json_bool(row, "stoppable", false) ? ", 'y')" : ", 'n')");
	}
	statement_add(t, part->from < part->to
			     ? ") s (id, status, message, output, shared, "
			       "stoppable)"
			     : "(select '' as id, '' as status, '' as message, "
			       "'' as output, '' as shared, '' as stoppable "
			       "where 1 = 0) s");
}

static void write_set(
    struct statement_text *t, const char *column, const char *value)
{
	statement_quoted(t, column, true);
	statement_add(t, " = ");
	statement_add(t, value);
}

static void add_state(struct statement_text *t)
{
	statement_add(t, "coalesce(upper(");
	statement_column(t, "t.", t->inbox->columns->status);
	statement_add(t, "), '')");
}

/* A row that says PENDING though its ID belongs to another row is told so, and
 * keeps this message, whatever becomes of the report of that ID. */
static void write_shared(struct statement_text *t)
{
	const struct inbox_columns *c = t->inbox->columns;

	statement_add(t, " when matched and s.shared is not null and ");
	add_state(t);
	statement_add(t, " in ('', 'PENDING') then update set ");
	write_set(t, c->status, "'FAILED', ");
	write_set(t, c->message, "s.shared");
	statement_add(t, " when matched and s.shared is null and not (");
	add_state(t);
	statement_add(t, " = 'FAILED' and coalesce(");
	statement_column(t, "t.", c->message);
	statement_add(t, ", '') like '% rows have the ID %') and ");
}

/* A cancellation that nobody has read yet is not overwritten: the next reading
 * finds it. */
static void write_merge(struct statement_text *t, const struct part *part)
{
	const struct inbox_columns *c = t->inbox->columns;

	statement_add(t, "merge into ");
	statement_table(t);
	statement_add(t, " t using ");
	write_values(t, part);
	statement_add(t, " on ");
	statement_column(t, "t.", c->id);
	statement_add(t, " = s.id");
	write_shared(t);
	statement_add(t, "(s.stoppable = 'n' or t.");
	statement_quoted(t, c->message, true);
	statement_add(t, " is not null or ");
	add_state(t);
	statement_add(t, " <> 'CANCELLED') then update set ");
	write_set(t, c->status, "s.status");
	statement_add(t, ", ");
	write_set(t, c->message, "s.message");
	if (c->output != NULL) {
		statement_add(t, ", ");
		write_set(t, c->output, "s.output");
	}
}

static int write_back(
    const struct inbox *inbox, const struct part *part, struct err *e)
{
	struct statement_text t = statement_begin(inbox, e);
	int rc;

	write_merge(&t, part);
	rc = statement_end(&t);
	if (rc == 0)
		rc = source_run_script(inbox->source, t.out.data, e);
	buf_free(&t.out);
	return rc;
}

/* Says whether the server refuses the statement because of its content. Class
 * 08 is about the connection; the other classes are about the server, and may
 * pass. */
static bool is_refusal(const struct err *e)
{
	static const char *const classes[] = {"08", "40", "53", "57", "58"};

	if (e->sqlstate[0] == '\0' || e->kind == ERR_CANCELLED ||
	    e->kind == ERR_TIMEOUT)
		return false;
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (strncmp(e->sqlstate, classes[i], 2) == 0)
			return false;
	}
	return true;
}

struct telling {
	const struct inbox *inbox;
	struct inbox_told *done;
	bool by_rows; /* the table takes a MERGE of no rows */
};

/* Writes back one row whose texts are refused, or sets it aside. */
static int set_aside(
    const struct telling *t, struct part one, const struct err *why)
{
	const char *id = json_str(json_array_get(one.rows, one.from), "id", "");
	struct err e = *why;
	char *text;
	int rc;

	one.brief = true;
	rc = write_back(t->inbox, &one, &e);
	if (rc != 0 && !is_refusal(&e))
		return -1;
	text = mem_printf("%s: %s",
	    rc == 0 ? "written back without its texts" : "not written back",
	    why->text);
	json_object_set_new(t->done->aside, id, json_string(text));
	free(text);
	return 0;
}

/* Writes back the rows of a part, in their order. A part that the server
 * refuses is halved, until the refused rows are found. Returns 1 when the time
 * is over. */
static int tell(struct telling *t, struct part part, struct err *e)
{
	const struct part none = {.rows = part.rows};
	struct part half = part;
	struct err unused;
	int rc;

	if (statement_in_time(t->inbox, e) != 0)
		return 1;
	rc = write_back(t->inbox, &part, e);
	if (rc != 0 && !is_refusal(e))
		return -1;
	if (rc != 0 && !t->by_rows && write_back(t->inbox, &none, &unused) != 0)
		return -1;
	t->by_rows = t->by_rows || rc != 0;
	if (rc != 0 && part.to - part.from > 1) {
		half.to = part.from + (part.to - part.from) / 2;
		rc = tell(t, half, e);
		half.from = half.to;
		half.to = part.to;
		return rc != 0 ? rc : tell(t, half, e);
	}
	if (rc != 0 && set_aside(t, part, e) != 0)
		return -1;
	t->done->count = part.to;
	return 0;
}

int inbox_tell(const struct inbox *inbox, const json_t *rows,
    struct inbox_told *done, struct err *e)
{
	struct telling t = {.inbox = inbox, .done = done};
	int rc;

	*done = (struct inbox_told){.aside = json_object()};
	rc = tell(
	    &t, (struct part){.rows = rows, .to = json_array_size(rows)}, e);
	return rc == 0 || (rc == 1 && done->count > 0) ? 0 : -1;
}
