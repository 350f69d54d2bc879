/* SPDX-License-Identifier: MIT */
#include "encode/table/format.h"

#include "base/mem.h"
#include "fuzz.h"
#include "source/postgres/copytext.h"

static const enum column_kind kinds[] = {KIND_INTEGER, KIND_DECIMAL, KIND_FLOAT,
    KIND_DATE, KIND_TIME, KIND_TIMETZ, KIND_TIMESTAMP, KIND_TIMESTAMPTZ,
    KIND_INTERVAL, KIND_TEXT};

/* Reads the data as a row of COPY with this many columns: its values must lie in
 * the row. */
static void read_row(const uint8_t *data, size_t size, int columns)
{
	char *row = mem_alloc(size + 1);
	struct value v[4];
	struct err e;

	memcpy(row, data, size);
	row[size] = '\0';
	if (copytext_row(row, size, v, columns, &e) == 0) {
		for (int i = 0; i < columns; i++)
			PROMISE(v[i].len < 0 ||
				(v[i].data >= row &&
				    v[i].data + v[i].len <= row + size &&
				    v[i].data[v[i].len] == '\0'));
	}
	free(row);
}

/* The data is a format code, then a line break and a value to format. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *code = mem_strndup((const char *)data, size);
	char *text = strchr(code, '\n');
	struct format *f;
	struct buf out;
	struct err e;

	if (text != NULL)
		*text++ = '\0';
	else
		text = code + strlen(code);
	buf_init(&out, 1 << 20);
	f = format_open(code, &e);
	for (size_t i = 0; f && i < sizeof(kinds) / sizeof(*kinds); i++)
		format_add(f, kinds[i],
		    &(struct value){text, (int32_t)strlen(text)}, &out);
	PROMISE(!out.overflow);
	format_close(f);
	buf_free(&out);
	free(code);
	for (int columns = 0; columns <= 4; columns++)
		read_row(data, size, columns);
	return 0;
}
