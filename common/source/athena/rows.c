/* SPDX-License-Identifier: MIT */
#include "source/athena/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Rows of a batch, and values of one with many columns. */
#define BATCH_ROWS 512
#define BATCH_VALUES 32768
/* Bytes of texts that are written anew for one batch: those of varbinary are longer
 * than what was read by a few bytes at most. */
#define TEXTS_MAX ((size_t)256 << 20)
#define TEXTS_FULL ((size_t)1 << 20)

int rows_open(struct rows *r, const struct schema *schema,
    enum value_form *forms, const char *time_zone, struct err *e)
{
	int columns = schema->count + 1; /* never 0 */
	int room = BATCH_VALUES / columns;
	size_t cells;

	room = room < 1 ? 1 : room > BATCH_ROWS ? BATCH_ROWS : room;
	cells = (size_t)room * (size_t)columns;
	*r = (struct rows){.schema = schema, .forms = forms, .room = room};
	r->tools.zones = zones_open(time_zone, e);
	if (r->tools.zones == NULL)
		return -1;
	r->tools.powers = powers_open();
	r->values = mem_realloc(NULL, cells, sizeof(*r->values));
	r->places = mem_realloc(NULL, cells, sizeof(*r->places));
	buf_init(&r->texts, TEXTS_MAX);
	return 0;
}

void rows_close(struct rows *r)
{
	zones_close(r->tools.zones);
	powers_close(r->tools.powers);
	free(r->forms);
	free(r->values);
	free(r->places);
	buf_free(&r->texts);
	*r = (struct rows){.schema = NULL};
}

void rows_clear(struct rows *r)
{
	r->count = 0;
	buf_clear(&r->texts);
}

int rows_add(struct rows *r)
{
	return r->count++;
}

bool rows_full(const struct rows *r)
{
	return r->count == r->room || r->texts.len > TEXTS_FULL;
}

static int check_text(const char *text, size_t len, struct err *e)
{
	if (memchr(text, '\0', len) != NULL)
		return err_set(e, ERR_PERMANENT,
		    "a text has a zero byte; select replace(…, chr(0), '')");
	if (!str_is_utf8(text, len))
		return err_set(e, ERR_PERMANENT, "a text is not in UTF-8");
	return 0;
}

int rows_set(struct rows *r, int row, int column, const char *text, size_t len,
    struct err *e)
{
	size_t at = (size_t)row * (size_t)r->schema->count + (size_t)column;
	enum value_form form = r->forms[column];
	int rc = 0;

	if (text == NULL || len > INT32_MAX / 2) {
		r->values[at] = (struct value){"", -1};
		return text == NULL
			   ? 0
			   : err_set(e, ERR_PERMANENT, "a value is too long");
	}
	r->values[at] = (struct value){text, (int32_t)len};
	if (form == VALUE_SAME) {
		rc = check_text(text, len, e);
	} else {
		r->places[at] = r->texts.len;
		rc = value_write(form, text, len, &r->tools, &r->texts, e);
		r->values[at] = (struct value){
		    NULL, (int32_t)(r->texts.len - r->places[at])};
		buf_char(&r->texts, '\0');
	}
	return rc == 0 ? 0
		       : err_wrap(e, "column \"%s\"",
			     r->schema->columns[column].name);
}

int rows_take(struct rows *r, struct batch *batch, struct err *e)
{
	size_t cells = (size_t)r->count * (size_t)r->schema->count;

	if (r->texts.overflow)
		return err_set(e, ERR_PERMANENT,
		    "the values of a row are longer than %zu bytes", TEXTS_MAX);
	for (size_t i = 0; i < cells; i++) {
		if (r->values[i].data == NULL)
			r->values[i].data = r->texts.data + r->places[i];
	}
	*batch = (struct batch){r->values, r->count};
	return 1;
}
