/* SPDX-License-Identifier: MIT */
#include "rows/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* Bytes of column names in a message, which a person reads. */
#define NAMES_BYTES ((size_t)1000)

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

int schema_find(const struct schema *schema, const char *name)
{
	for (int i = 0; i < schema->count; i++) {
		if (strcmp(schema->columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

char *schema_names(const struct schema *schema)
{
	struct buf names;
	char *text;
	int i;

	/* A single name has at most 63 bytes. */
	buf_init(&names, 2 * NAMES_BYTES);
	for (i = 0; i < schema->count && names.len < NAMES_BYTES; i++)
		buf_printf(
		    &names, "%s%s", i ? ", " : "", schema->columns[i].name);
	if (i < schema->count)
		buf_printf(&names, " and %d more", schema->count - i);
	text = mem_strdup(names.len > 0 ? names.data : "none");
	buf_free(&names);
	return text;
}
