/* SPDX-License-Identifier: MIT */
#include "encode/layout.h"

#include <stdlib.h>

#include "base/mem.h"

static enum align align_of(enum column_kind kind)
{
	switch (kind) {
	case KIND_INTEGER:
	case KIND_DECIMAL:
	case KIND_FLOAT:
		return ALIGN_RIGHT;
	case KIND_BOOLEAN:
		return ALIGN_CENTER;
	default:
		return ALIGN_LEFT;
	}
}

int layout_open(struct layout *layout, const json_t *options,
    const struct schema *schema, struct err *e)
{
	(void)options;
	(void)e;
	*layout = (struct layout){.count = schema->count};
	layout->columns =
	    mem_zalloc((size_t)schema->count * sizeof(*layout->columns) + 1);
	for (int i = 0; i < schema->count; i++) {
		layout->columns[i].label = schema->columns[i].name;
		layout->columns[i].align = align_of(schema->columns[i].kind);
	}
	return 0;
}

void layout_free(struct layout *layout)
{
	free(layout->columns);
	*layout = (struct layout){0};
}
