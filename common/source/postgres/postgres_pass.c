/* SPDX-License-Identifier: MIT */
#include "source/dialect.h"
#include "source/postgres/horizon.h"
#include "source/postgres/postgres_parts.h"
#include "source/postgres/written.h"

/* The server itself makes the bytes of CSV: they come by COPY. */

static const struct session *session_of(const struct source *s)
{
	return &((const struct postgres *)s)->session;
}

static bool copy_can(const struct source *s, const struct source_pass *pass)
{
	return dialect_is_query(pass->sql) &&
	       pg_encodes(session_of(s)->pg, pass->form->encoding);
}

static int copy_begin(
    struct source *base, const struct source_pass *pass, struct err *e)
{
	struct postgres *p = (struct postgres *)base;
	struct session *s = &p->session;
	struct buf text;
	size_t skip;
	int rc = -1;

	if (written_readable(s->pg, p->raw, e) != 0)
		return -1;
	buf_init(&text, SOURCE_WRAP_MAX);
	if (pg_in_transaction(s->pg))
		buf_str(&text, POSTGRES_READS);
	else
		buf_str(
		    &text, s->prologue.len ? s->prologue.data : POSTGRES_BEGIN);
	buf_str(&text, "copy (");
	skip = text.len;
	/* The line break ends a comment that may stand at the end of the
	 * query. */
	if (dialect_one(pass->sql, "\n) to stdout with (", &text, e) == 0) {
		dialect_copy_options(pass->form, &text);
		buf_str(&text, "); " WRITTEN_ASK);
		buf_str(&text, pass->last ? "; rollback" : "");
		rc = dialect_check_length(&text, e);
	}
	if (rc == 0)
		rc = pg_copy_start(
		    s->pg, &(struct pg_stream){text.data, skip, true}, e);
	buf_free(&text);
	return rc;
}

/* At the end of the COPY its message has the answer about the settings, too. */
static int copy_ended(struct postgres *p, int rc, struct err *e)
{
	return rc == 0 ? written_compare(p->session.pg, p->job_zone, e) : rc;
}

static int copy_next(
    struct source *s, const char **data, size_t *len, struct err *e)
{
	struct postgres *p = (struct postgres *)s;

	return copy_ended(p, pg_copy_next(p->session.pg, data, len, e), e);
}

static int copy_read(struct source *s, struct buf *to, struct err *e)
{
	struct postgres *p = (struct postgres *)s;

	return copy_ended(p, pg_copy_read(p->session.pg, to, e), e);
}

static int64_t copy_rows(const struct source *s)
{
	return pg_copy_rows(session_of(s)->pg);
}

const struct source_passing postgres_passing = {
    .can = copy_can,
    .begin = copy_begin,
    .next = copy_next,
    .read = copy_read,
    .rows = copy_rows,
};
