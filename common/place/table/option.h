/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_OPTION_H
#define PLACE_TABLE_OPTION_H

#include <stdbool.h>

#include "base/json.h"
#include "base/option.h"

/* The options under "table". */
extern const struct option_owner table_options;

enum table_mode { TABLE_APPEND, TABLE_REPLACE, TABLE_UPSERT };

struct table_choice {
	enum table_mode mode;
	/* Arrays of names of columns; NULL: none. A name in order_by may end in
	 * " asc" or " desc". */
	const json_t *key, *order_by;
	bool create; /* make the table when it is missing */
	bool add;    /* add columns that the table lacks */
};

/* Reads options that table_check_options has accepted; NULL: defaults. */
void table_choose(const json_t *options, struct table_choice *to);
/* Checks that the options fit together. */
int table_check_options(const json_t *options, struct err *e);

#endif
