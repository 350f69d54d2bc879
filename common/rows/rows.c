/* SPDX-License-Identifier: MIT */
#include "rows/rows.h"

#include <stdlib.h>

void schema_free(struct schema *schema)
{
	for (int i = 0; i < schema->count; i++) {
		struct column *of = schema->columns[i].of;

		free(schema->columns[i].name);
		free(schema->columns[i].money);
		while (of != NULL) {
			struct column *inside = of->of;

			free(of);
			of = inside;
		}
	}
	free(schema->columns);
	*schema = (struct schema){0};
}
