/* SPDX-License-Identifier: MIT */
#include "place/table/dialect.h"

#include "place/table/redshift/redshift.h"

/* One for each type with the ability SOURCE_TARGET. */
static const struct table_dialect *const dialects[] = {
    &table_postgres,
    &table_redshift,
};

const struct table_dialect *table_dialect_of(const struct source_type *type)
{
	size_t i = 0;

	while (dialects[i]->type != type)
		i++;
	return dialects[i];
}
