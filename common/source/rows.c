/* SPDX-License-Identifier: MIT */
#include "source/rows.h"

#include <stdlib.h>

void schema_free(struct schema *schema)
{
	for (int i = 0; i < schema->count; i++)
		free(schema->columns[i].name);
	free(schema->columns);
	*schema = (struct schema){0};
}
