/* SPDX-License-Identifier: MIT */
#include "encode/pdf/flow.h"

#include <stdlib.h>

#include "base/mem.h"

#define OPERATORS_MAX ((size_t)64 << 20)

void pdf_flow_begin(struct pdf_flow *f, const char *text, size_t len)
{
	f->text = text;
	f->len = len;
	f->next = f->paragraph = 0;
	f->first = f->count = 0;
	f->solid = f->inside = false;
	f->wide = 0;
	f->operators.max = OPERATORS_MAX;
	buf_clear(&f->operators);
}

void pdf_flow_free(struct pdf_flow *f)
{
	buf_free(&f->operators);
	free(f->lines);
	*f = (struct pdf_flow){0};
}

struct pdf_line *pdf_flow_line(struct pdf_flow *f)
{
	if (f->count == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 4;
		f->lines =
		    mem_realloc(f->lines, (size_t)f->cap, sizeof(*f->lines));
	}
	return &f->lines[f->count++];
}
