/* SPDX-License-Identifier: MIT */
#include "source/postgres/redshift_clause.h"

#include <stdlib.h>
#include <string.h>

int redshift_add_literal(struct pg *pg, struct buf *sql, const char *word,
    const char *text, struct err *e)
{
	char *literal;

	if (text == NULL)
		return 0;
	literal = pg_quote_literal(pg, text, e);
	if (literal == NULL)
		return -1;
	buf_printf(sql, " %s ", word);
	buf_str(sql, literal);
	free(literal);
	return 0;
}

int redshift_add_role(
    struct pg *pg, struct buf *sql, const char *role, struct err *e)
{
	if (strcmp(role, "default") != 0)
		return redshift_add_literal(pg, sql, "iam_role", role, e);
	buf_str(sql, " iam_role default");
	return 0;
}
