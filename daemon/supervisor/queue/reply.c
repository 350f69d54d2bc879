/* SPDX-License-Identifier: MIT */
#include <libpq-fe.h>

#include "base/str.h"
#include "supervisor/queue/queue.h"

/* Converts a reply, which is a PGresult under another name, so that only these
 * files include libpq-fe.h. */
static const PGresult *as_result(const struct reply *r)
{
	return (const PGresult *)r;
}

int reply_rows(const struct reply *r)
{
	return PQntuples(as_result(r));
}

const char *reply_text(const struct reply *r, int row, int column)
{
	return PQgetisnull(as_result(r), row, column)
		   ? NULL
		   : PQgetvalue(as_result(r), row, column);
}

bool reply_bool(const struct reply *r, int row, int column)
{
	const char *text = reply_text(r, row, column);

	return text != NULL && *text == 't';
}

int64_t reply_int(const struct reply *r, int row, int column, int64_t def)
{
	const char *text = reply_text(r, row, column);
	int64_t v;

	return text != NULL && str_to_i64(text, &v) == 0 ? v : def;
}
