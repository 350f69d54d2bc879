/* SPDX-License-Identifier: MIT */
#include "encode/pdf/sample.h"

#include <stdlib.h>

#include "base/mem.h"

/* A sample is full with this many rows, cells or bytes. */
#define ROWS 200
#define CELLS 40000
#define BYTES ((size_t)512 << 10)
/* Most bytes of the sample: one row alone may have more than BYTES. */
#define BYTES_MAX ((size_t)3 << 30)

/* The place of a value in the bytes of the sample, and its length. */
struct pdf_sample_value {
	size_t at;
	int32_t len;
};

void pdf_sample_open(struct pdf_sample *s, int columns)
{
	*s = (struct pdf_sample){.columns = columns};
	buf_init(&s->bytes, BYTES_MAX);
}

void pdf_sample_free(struct pdf_sample *s)
{
	buf_free(&s->bytes);
	free(s->values);
	*s = (struct pdf_sample){0};
}

int pdf_sample_add(struct pdf_sample *s, const struct value *row, struct err *e)
{
	if (s->rows == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->values = mem_realloc(s->values,
		    (size_t)s->cap * (size_t)s->columns + 1,
		    sizeof(*s->values));
	}
	for (int i = 0; i < s->columns; i++) {
		struct pdf_sample_value *v =
		    &s->values[s->rows * s->columns + i];

		v->at = s->bytes.len;
		v->len = row[i].len;
		if (row[i].len > 0)
			buf_add(&s->bytes, row[i].data, (size_t)row[i].len);
	}
	buf_str(&s->bytes, "");
	if (s->bytes.overflow)
		return err_set(
		    e, ERR_PERMANENT, "PDF: a row does not fit into memory");
	s->rows++;
	return s->rows == ROWS || s->bytes.len > BYTES ||
	       s->rows * s->columns >= CELLS;
}

void pdf_sample_row(const struct pdf_sample *s, int i, struct value *values)
{
	const struct pdf_sample_value *v = &s->values[i * s->columns];

	for (int k = 0; k < s->columns; k++)
		values[k] = (struct value){s->bytes.data + v[k].at, v[k].len};
}
