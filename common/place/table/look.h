/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_LOOK_H
#define PLACE_TABLE_LOOK_H

#include "place/table/link.h"

/* A table as the target's catalogue describes it. */
struct table_column {
	char *name, *type;
	char *collation; /* quoted; NULL: that of the type */
	bool generated;  /* by an expression */
	bool always;     /* an identity that takes no update */
	/* The type that amounts are staged in, because the text of money depends
	 * on the session: numeric or numeric[]; NULL: it is no money. */
	char *money;
	char *class; /* name of its type, without length and digits */
};

struct table_look {
	bool found;
	char oid[16];
	bool partitioned;
	struct table_column *columns;
	int count;
};

/* Describes the table of the link. Refuses what is no table of rows that commit
 * together with the ledger, what changes the rows on their way, and what runs
 * statements of others. look_free is called also after an error. */
int look_open(struct table_look *look, struct table_link *l, struct err *e);
void look_free(struct table_look *look);
/* Refuses the table of the link, which is locked, if it has come to be one of
 * somebody who is not trusted: whoever owns its schema may have put it in the place
 * of another one. */
int look_again(struct table_link *l, struct err *e);
/* Returns NULL when the table has no such column. */
const struct table_column *look_column(
    const struct table_look *look, const char *name);

#endif
